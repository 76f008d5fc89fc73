// Empirical in the means, analytic in the rest: one calibration run gives the means of all layers (M. Nagel
// et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019, section 4.2,
// with measured means).
#include "precis/passes/bias_correction.h"

#include <cmath>

#include "precis/graph/window.h"

namespace precis::passes {
namespace {

// Share of the outputs along one axis for which tap i reads an element and not padding.
std::vector<double> axis_shares(const WindowSpec& spec, int axis, const Dim& length,
                                const std::string& where) {
  const size_t a = static_cast<size_t>(axis);
  std::vector<double> shares(static_cast<size_t>(spec.kernel[a]), 1.0);
  if (!length.known()) return shares;
  const WindowAxis w = window_axis(spec, axis, length.value, where);
  for (size_t tap = 0; tap < shares.size() && w.output > 0; ++tap) {
    int64_t inside = 0;
    for (int64_t o = 0; o < w.output; ++o) {
      const int64_t at = o * spec.strides[a] + static_cast<int64_t>(tap) * spec.dilations[a] - w.begin;
      inside += at >= 0 && at < length.value ? 1 : 0;
    }
    shares[tap] = static_cast<double>(inside) / static_cast<double>(w.output);
  }
  return shares;
}

// The same for all taps of a convolution, row-major.
std::vector<double> tap_shares(const Graph& g, const Node& node, const Shape& weights) {
  const int spatial = weights.rank() - 2;
  const std::vector<int64_t> kernel(weights.dims().begin() + 2, weights.dims().end());
  const WindowSpec spec = read_window(node, spatial, kernel, node.name);
  const SymbolicShape& input = g.value(node.inputs[0]).type.shape;
  std::vector<double> shares{1.0};
  for (int axis = 0; axis < spatial; ++axis) {
    const Dim length = input ? (*input)[static_cast<size_t>(axis) + 2] : Dim{};
    std::vector<double> wider;
    for (double before : shares)
      for (double own : axis_shares(spec, axis, length, node.name)) wider.push_back(before * own);
    shares = std::move(wider);
  }
  return shares;
}

// Weights as [outputs, inputs, taps]: where weight (o, i, t) lies and which input channel it reads.
struct WeightView {
  int64_t outputs = 0, inputs = 0, taps = 1;
  int64_t output_stride = 0, input_stride = 0;
  int64_t groups = 1;
};

WeightView view_of(const Node& node, const Shape& s) {
  if (node.is("Gemm"))
    return node.get_int("transB", 0) != 0 ? WeightView{s[0], s[1], 1, s[1], 1, 1}
                                          : WeightView{s[1], s[0], 1, 1, s[1], 1};
  const int64_t taps = s.inner(2);
  return {s[0], s[1], taps, s[1] * taps, taps, node.get_int("group", 1)};
}

}  // namespace

bool can_correct_bias(const Graph& g, const Node& node) {
  const bool plain_gemm = node.is("Gemm") && node.get_float("alpha", 1) == 1 &&
                          node.get_float("beta", 1) == 1 && node.get_int("transA", 0) == 0;
  if (!node.is("Conv") && !plain_gemm) return false;
  return g.constant(node.input(1)) != nullptr && g.constant(node.input(0)) == nullptr &&
         g.constant(node.input(2)) != nullptr && g.value(node.inputs[2]).uses.size() == 1;
}

std::vector<double> mean_shift(const Graph& g, const Node& node, const Tensor& weights, const Tensor& codes,
                               const Encoding& e, const quant::ChannelSums& input) {
  const WeightView v = view_of(node, weights.shape());
  if (static_cast<int64_t>(input.sums.size()) != v.inputs * v.groups || input.count == 0) return {};
  const std::vector<double> shares =
      node.is("Conv") ? tap_shares(g, node, weights.shape()) : std::vector<double>{1.0};
  const std::span<const float> w = weights.data<float>();
  const std::span<const int8_t> q = codes.data<int8_t>();
  std::vector<double> shift(static_cast<size_t>(v.outputs), 0.0);
  for (int64_t o = 0; o < v.outputs; ++o) {
    const size_t channel = e.per_tensor() ? 0 : static_cast<size_t>(o);
    const int32_t zero = e.zero_point(channel);
    const double scale = static_cast<double>(e.scales[channel]);
    const int64_t group = o / (v.outputs / v.groups);
    for (int64_t i = 0; i < v.inputs; ++i) {
      double error = 0;
      for (int64_t t = 0; t < v.taps; ++t) {
        const size_t at = static_cast<size_t>(o * v.output_stride + i * v.input_stride + t);
        const double kept = static_cast<double>(q[at] - zero) * scale;
        error += (kept - static_cast<double>(w[at])) * shares[static_cast<size_t>(t)];
      }
      shift[static_cast<size_t>(o)] += error * input.mean(static_cast<size_t>(group * v.inputs + i));
    }
    if (!std::isfinite(shift[static_cast<size_t>(o)])) return {};
  }
  return shift;
}

}  // namespace precis::passes
