// What the lowerings of integer operators share.
#pragma once

#include <limits>
#include <optional>

#include "precis/core/checked.h"
#include "precis/kernels/reference/codes.h"
#include "precis/kernels/simd/int8.h"
#include "precis/runtime/kernel_step.h"
#include "precis/runtime/lowering.h"
#include "precis/runtime/step_threads.h"

namespace precis::runtime {

// The kernels of this CPU; null when there are none (then the reference runs).
const kernels::simd::Kernels* code_kernels();

// 8-bit codes with one scale: what the fast kernels take. nullopt for every other type.
struct CodeGrid {
  kernels::simd::CodeType type = kernels::simd::CodeType::kU8;
  float scale = 1;
  int32_t zero_point = 0;
  int32_t code_min = 0, code_max = 255;
};
std::optional<CodeGrid> code_grid(const ValueType& type);

// Limits of an activation fused into a result: what t is clamped to.
struct ActivationLimits {
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};
ActivationLimits limits_of(const kernels::reference::FusedActivation& activation);

// Elements per range of an element-wise step: whole cache lines of codes.
inline int64_t codes_per_range(const PlanBuilder& b, int64_t codes) {
  return range_length(codes, b.threads(), 64);
}

// The grid and the activation's limits, in the fields that every kernel with an encoded result has.
template <typename Parameters>
void set_result(Parameters& p, const CodeGrid& grid) {
  p.y_type = grid.type;
  p.zero_point = static_cast<float>(grid.zero_point);
  p.code_min = static_cast<float>(grid.code_min);
  p.code_max = static_cast<float>(grid.code_max);
}
template <typename Parameters>
void set_limits(Parameters& p, const ActivationLimits& limits) {
  p.low = limits.low;
  p.high = limits.high;
}

// Codes of one grid moved onto another: by arithmetic, or by a table where that is faster.
class GridChange {
 public:
  GridChange(const CodeGrid& from, const CodeGrid& to);
  void run(const std::byte* x, std::byte* y, int64_t n) const;

 private:
  const kernels::simd::Kernels* kernels_;
  kernels::simd::Kernels::Rescale rescale_;
  Tensor table_;
};

inline std::byte* at(std::span<std::byte* const> buffers, BufferId id) {
  return buffers[static_cast<size_t>(id)];
}

// Quantizes n reals onto the grid of their range (DynamicQuantizeLinear): u8 codes. Threads take `range`
// elements each; `ranges`: run_time_ranges(n, range) floats of memory.
inline int64_t run_time_ranges(int64_t n, int64_t range) { return 2 * ceil_div(n, range); }
kernels::reference::DynamicGrid quantize_at_run_time(const float* x, int64_t n, int64_t range, float* ranges,
                                                     std::byte* codes);

// "avx512:what".
std::string code_kernel_name(const char* what);
// A step that calls `function`, with all of its values in `layout`.
void emit_call(PlanBuilder& b, const FusedOp& op, const char* kernel, const std::vector<ValueId>& named,
               Layout layout, const std::vector<BufferId>& touched, CallStep::Function function);
// The layout of `x` if code kernels can walk it element by element, else channels last.
Layout flat_layout(const PlanBuilder& b, ValueId x);

// Spatial lengths as the kernels' three dimensions (depth, height, width), leading ones filled with `filler`.
void spread_lengths(const std::vector<int64_t>& lengths, int64_t filler, int64_t (&out)[3]);
void spread_spatial(const Shape& shape, int64_t (&out)[3]);

}  // namespace precis::runtime
