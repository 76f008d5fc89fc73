// Bias correction: the predicted shift is the one that the weights' errors give, and biases take it.
#include "precis/passes/bias_correction.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "pass_harness.h"
#include "precis/graph/text.h"
#include "precis/passes/quantize_static.h"
#include "precis/quant/quantize.h"
#include "precis/runtime/session.h"
#include "tests/support/tensor_compare.h"

namespace precis::test {
namespace {

using passes::mean_shift;

const Node& node_of(const Graph& g, const char* name) { return g.node(g.value(g.find_value(name)).producer); }

// Channels of constant value: then the means say everything, borders included.
Tensor constant_planes(const Shape& shape, const std::vector<float>& values) {
  Tensor x(DType::kF32, shape);
  const int64_t inner = shape.inner(2);
  for (int64_t i = 0; i < x.numel(); ++i)
    x.data<float>()[static_cast<size_t>(i)] = values[static_cast<size_t>(i / inner % shape[1])];
  return x;
}

// Means of the difference of the two layers' outputs, by running them.
std::vector<double> measured_shift(const Graph& g, const Tensor& x, const Tensor& weights,
                                   const Tensor& rounded) {
  runtime::Session session(runtime::Program::compile(g, {runtime::Engine::kReference, {}}));
  const Tensor a = session.run(std::vector<Tensor>{x, weights})[0],
               b = session.run(std::vector<Tensor>{x, rounded})[0];
  const int64_t inner = a.shape().inner(2);
  std::vector<double> shift(static_cast<size_t>(a.shape()[1]), 0.0);
  for (int64_t i = 0; i < a.numel(); ++i)
    shift[static_cast<size_t>(i / inner % a.shape()[1])] +=
        (b.at_double(i) - a.at_double(i)) / static_cast<double>(inner);
  return shift;
}

// `text` has the inputs x and w; the values of w are random, rounded coarsely.
void expect_shift_as_measured(const std::string& text, const Shape& x_shape, const Shape& w_shape, int axis) {
  Graph g = model_of(text).graph;
  const Tensor w = random_tensor(w_shape, 3);
  const quant::GridSpec grid{DType::kI8, 4, quant::GridSpec::Symmetry::kSymmetric};
  const Encoding e = quant::weight_encoding(w, axis, grid);
  const Tensor codes = quant::quantize_tensor(w, e);
  std::vector<float> means;
  for (int64_t c = 0; c < x_shape[1]; ++c) means.push_back(0.5f + 0.25f * static_cast<float>(c));
  const Tensor x = constant_planes(x_shape, means);
  quant::ChannelSums sums;
  sums.add(x);
  const std::vector<double> want = measured_shift(g, x, w, quant::dequantize_tensor(codes, e));
  const std::vector<double> got = mean_shift(g, node_of(g, "y"), w, codes, e, sums);
  ASSERT_EQ(got.size(), want.size());
  for (size_t c = 0; c < got.size(); ++c) EXPECT_NEAR(got[c], want[c], 1e-4) << c;
}

TEST(MeanShift, ConvolutionWithBordersStridesDilationsAndGroups) {
  expect_shift_as_measured(R"(
graph g(x: f32[1,6,9,8], w: f32[4,3,3,2]) -> (y) {
  y = Conv(x, w) {group=2, pads=[1,0,2,1], strides=[2,1], dilations=[1,2]}
})",
                           {1, 6, 9, 8}, {4, 3, 3, 2}, 0);
}

TEST(MeanShift, DepthwiseWithAutomaticPadding) {
  expect_shift_as_measured(R"(
graph g(x: f32[1,5,7,7], w: f32[5,1,3,3]) -> (y) {
  y = Conv(x, w) {group=5, auto_pad="SAME_UPPER", strides=[2,2]}
})",
                           {1, 5, 7, 7}, {5, 1, 3, 3}, 0);
}

TEST(MeanShift, MatrixProductsOfBothOrders) {
  expect_shift_as_measured("graph g(x: f32[1,6], w: f32[4,6]) -> (y) { y = Gemm(x, w) {transB=1} }", {1, 6},
                           {4, 6}, 0);
  expect_shift_as_measured("graph g(x: f32[1,6], w: f32[6,4]) -> (y) { y = Gemm(x, w) }", {1, 6}, {6, 4}, 1);
}

TEST(MeanShift, IsUnknownWithoutFittingMeans) {
  const Graph g = model_of("graph g(x: f32[1,6], w: f32[4,6]) -> (y) { y = Gemm(x, w) {transB=1} }").graph;
  const Tensor w = random_tensor({4, 6}, 3);
  const Encoding e = quant::weight_encoding(w, 0, {DType::kI8, 8, quant::GridSpec::Symmetry::kSymmetric});
  const Tensor codes = quant::quantize_tensor(w, e);
  EXPECT_TRUE(mean_shift(g, node_of(g, "y"), w, codes, e, {}).empty());
  EXPECT_TRUE(mean_shift(g, node_of(g, "y"), w, codes, e, {{1, 2, 3}, 1}).empty());
}

constexpr const char* kNet = R"(
  graph g(x: f32[1,3,6,6]) -> (y) {
    w: f32[4,3,3,3] = constant(normal, seed=1, scale=0.3)
    b: f32[4] = [0.5, -1, 0.25, 2]
    y = Conv(x, w, b) {pads=[1,1,1,1]}
  })";

// Largest shift of a channel's mean against the float model.
double mean_error(const Model& quantized, const Tensor& x) {
  const auto run = [&](const Graph& g) {
    return runtime::Session(runtime::Program::compile(g)).run(std::vector<Tensor>{x})[0];
  };
  const Tensor want = run(model_of(kNet).graph), got = run(quantized.graph);
  std::vector<double> shift(4, 0.0);
  for (int64_t i = 0; i < want.numel(); ++i)
    shift[static_cast<size_t>(i / 36)] += (got.at_double(i) - want.at_double(i)) / 36;
  double largest = 0;
  for (double s : shift) largest = std::max(largest, std::fabs(s));
  return largest;
}

TEST(BiasCorrection, BringsTheMeansBack) {
  passes::QuantizeOptions options;
  options.observer.kind = quant::ObserverKind::kMinMax;
  options.weights.bits = 4;
  const Tensor x = random_tensor({1, 3, 6, 6}, 5, 0.0f, 2.0f);
  quant::RangeTable ranges;
  ranges.entries["x"].add_sample(std::vector<float>{0, 2});
  ranges.entries["y"].add_sample(std::vector<float>{-12, 12});
  EXPECT_THAT(passes::values_to_average(model_of(kNet).graph, options), testing::ElementsAre("x"));
  Model without = model_of(kNet), with = model_of(kNet), off = model_of(kNet);
  passes::quantize_static(without, ranges, options);
  ranges.channels["x"].add(x);
  passes::quantize_static(with, ranges, options);
  EXPECT_LT(mean_error(with, x), 0.25 * mean_error(without, x));
  options.bias_correction = false;
  passes::quantize_static(off, ranges, options);
  EXPECT_EQ(print_graph(off.graph), print_graph(without.graph));
  EXPECT_TRUE(passes::values_to_average(model_of(kNet).graph, options).empty());
}

}  // namespace
}  // namespace precis::test
