// Which kernel a convolution or product on codes gets, and what all of them need.
#include "precis/runtime/code_linear.h"

#include <fmt/format.h>

#include "precis/core/checked.h"
#include "precis/kernels/simd/int8_sums.h"

namespace precis::runtime {
namespace {

template <typename Code>
void subtract_zero_points(const CodeLinear& linear, std::vector<int16_t>& centred) {
  const auto codes = linear.weights.data<Code>();
  const size_t per_channel = codes.size() / linear.weight_zero_point.size();
  for (size_t i = 0; i < codes.size(); ++i)
    centred[i] = static_cast<int16_t>(codes[i] - linear.weight_zero_point[i / per_channel]);
}

}  // namespace

std::vector<int16_t> centred_weights(const CodeLinear& linear) {
  std::vector<int16_t> centred(static_cast<size_t>(linear.weights.numel()));
  if (centred.empty()) return centred;
  if (linear.weights.dtype() == DType::kU8)
    subtract_zero_points<uint8_t>(linear, centred);
  else
    subtract_zero_points<int8_t>(linear, centred);
  return centred;
}

std::string linear_key(const PlanBuilder& b, const FusedOp& op, std::string_view what,
                       const CodeLinear& linear) {
  const std::vector<int64_t> input{static_cast<int64_t>(linear.x_type), linear.x_zero_point,
                                   linear.dynamic ? 1 : 0, linear.shape.groups};
  const Tensor contents[] = {as_bytes(input),
                             linear.weights,
                             as_bytes(linear.weight_zero_point),
                             as_bytes(linear.bias),
                             as_bytes(linear.multiplier),
                             as_bytes(linear.shift)};
  return b.weights_key(op, what, contents);
}

ChannelConstants::ChannelConstants(PlanBuilder& b, const CodeLinear& linear,
                                   const kernels::simd::ConvShape& order) {
  const auto packed = [&](const char* what, const std::vector<float>& values) {
    return b.packed(fmt::format("{}{} in {} groups", linear.key, what, order.groups),
                    [&] { return as_bytes(kernels::simd::pack_channels(order, values.data())); });
  };
  multiplier = packed("multiplier", linear.multiplier);
  bias = packed("bias", {linear.bias.begin(), linear.bias.end()});
  if (!linear.shift.empty()) shift = packed("shift", linear.shift);
}

int64_t RunTimeConstants::bytes() const {
  return 2 * round_up(slots_ * int64_t{sizeof(float)}, kArenaAlignment);
}

RunTimeConstants::Bound RunTimeConstants::bind(const kernels::reference::DynamicGrid& grid,
                                               kernels::simd::CodeType type, const float* multiplier,
                                               const int32_t* offsets, std::byte* memory) const {
  auto* const m = reinterpret_cast<float*>(memory);
  auto* const o = reinterpret_cast<int32_t*>(memory + bytes() / 2);
  for (int64_t i = 0; i < slots_; ++i) m[i] = grid.scale * multiplier[i];
  if (offsets == nullptr) return {m, nullptr};
  const auto zero = static_cast<uint32_t>(kernels::simd::zero_point_as_u8(type, grid.zero_point));
  for (int64_t i = 0; i < slots_; ++i) o[i] = static_cast<int32_t>(zero * static_cast<uint32_t>(offsets[i]));
  return {m, o};
}

std::unique_ptr<LinearKernel> make_linear_kernel(PlanBuilder& b, const CodeLinear& linear) {
  for (const auto make : {make_depthwise_kernel, make_panel_kernel, make_quad_kernel})
    if (auto kernel = make(b, linear)) return kernel;
  return make_pair_kernel(b, linear);
}

}  // namespace precis::runtime
