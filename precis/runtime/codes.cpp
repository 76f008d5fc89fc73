// Helpers of the integer lowerings.
#include "precis/runtime/codes.h"

#include "precis/core/isa.h"

namespace precis::runtime {

const kernels::simd::Kernels* code_kernels() { return kernels::simd::kernels_for(current_isa()); }

std::optional<CodeGrid> code_grid(const ValueType& type) {
  const Encoding& e = type.encoding;
  if (!is_per_tensor(e) || (e.code != DType::kU8 && e.code != DType::kI8)) return std::nullopt;
  CodeGrid g;
  g.type = e.code == DType::kU8 ? kernels::simd::CodeType::kU8 : kernels::simd::CodeType::kS8;
  g.scale = e.scale();
  g.zero_point = e.zero_point();
  g.code_min = e.code_min;
  g.code_max = e.code_max;
  return g;
}

ActivationLimits limits_of(const kernels::reference::FusedActivation& activation) {
  using Kind = kernels::reference::FusedActivation::Kind;
  ActivationLimits limits;
  if (activation.kind == Kind::kRelu) limits.low = 0;
  if (activation.kind == Kind::kClip) limits = {activation.lo, activation.hi};
  return limits;
}

void spread_lengths(const std::vector<int64_t>& lengths, int64_t filler, int64_t (&out)[3]) {
  for (size_t i = 0; i < 3; ++i) {
    const size_t missing = 3 - lengths.size();
    out[i] = i < missing ? filler : lengths[i - missing];
  }
}

void spread_spatial(const Shape& shape, int64_t (&out)[3]) {
  spread_lengths({shape.begin() + 2, shape.end()}, 1, out);
}

}  // namespace precis::runtime
