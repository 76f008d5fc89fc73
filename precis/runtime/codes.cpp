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

GridChange::GridChange(const CodeGrid& from, const CodeGrid& to) : kernels_(code_kernels()), rescale_{} {
  rescale_.x_type = from.type;
  rescale_.x_zero_point = from.zero_point;
  rescale_.multiplier = kernels::reference::rescale_multiplier(from.scale, to.scale);
  set_result(rescale_, to);
  if (kernels_ == nullptr || !kernels_->tables_are_fast) return;
  Tensor codes(DType::kU8, Shape{256});
  for (int i = 0; i < 256; ++i) codes.bytes()[i] = static_cast<std::byte>(i);
  table_ = Tensor(DType::kU8, Shape{256});
  kernels_->rescale(rescale_, codes.bytes(), table_.bytes(), 256);
}

void GridChange::run(const std::byte* x, std::byte* y, int64_t n) const {
  table_.defined() ? kernels_->look_up(table_.bytes(), x, y, n) : kernels_->rescale(rescale_, x, y, n);
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
