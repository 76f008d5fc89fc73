// Helpers of the integer lowerings.
#include "precis/runtime/codes.h"

#include <fmt/format.h>

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

kernels::simd::Kernels::Rescale rescale_of(const CodeGrid& from, const CodeGrid& to) {
  kernels::simd::Kernels::Rescale p{};
  p.x_type = from.type;
  p.x_zero_point = from.zero_point;
  p.multiplier = kernels::reference::rescale_multiplier(from.scale, to.scale);
  set_result(p, to);
  return p;
}

std::string code_kernel_name(const char* what) { return fmt::format("{}:{}", isa_name(current_isa()), what); }

void emit_call(PlanBuilder& b, const FusedOp& op, const char* kernel, const std::vector<ValueId>& named,
               Layout layout, const std::vector<BufferId>& touched, CallStep::Function function) {
  b.emit(std::make_unique<CallStep>(std::move(function)),
         b.describe(op, code_kernel_name(kernel), named, layout, layout), touched);
}

Layout flat_layout(const PlanBuilder& b, ValueId x) {
  const Layout layout = b.native_layout(x);
  return layout == Layout::kPlain ? layout : Layout::kChannelsLast;
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
