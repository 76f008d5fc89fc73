// Which kernel a convolution or product on codes gets, and what all of them need.
#include "precis/runtime/code_linear.h"

#include <fmt/format.h>

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

ChannelConstants::ChannelConstants(PlanBuilder& b, const CodeLinear& linear,
                                   const kernels::simd::ConvShape& order) {
  const auto packed = [&](const char* what, const std::vector<float>& values) {
    return b.packed(fmt::format("{}{} in {} groups", linear.key, what, order.groups),
                    [&] { return as_bytes(kernels::simd::pack_channels(order, values.data())); });
  };
  multiplier = packed("multiplier", linear.multiplier);
  bias = packed("bias", {linear.bias.begin(), linear.bias.end()});
}

std::unique_ptr<LinearKernel> make_linear_kernel(PlanBuilder& b, const CodeLinear& linear) {
  for (const auto make : {make_depthwise_kernel, make_panel_kernel, make_quad_kernel})
    if (auto kernel = make(b, linear)) return kernel;
  return make_pair_kernel(b, linear);
}

}  // namespace precis::runtime
