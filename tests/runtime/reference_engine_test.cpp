// The reference engine by itself: encoded operators against integers worked out by hand, chains that round
// once, taps, narrow types, run-time checks that name the node, and the evaluator of single nodes.
#include "precis/runtime/reference_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "precis/graph/evaluate.h"
#include "precis/graph/op.h"
#include "precis/graph/text.h"
#include "precis/runtime/integer_contract.h"
#include "precis/runtime/reference_ops.h"
#include "tests/support/expect_error.h"
#include "tests/support/tensor_compare.h"

namespace precis::runtime {
namespace {

using testing::ElementsAre;

std::vector<Tensor> run(const std::string& text, std::vector<Tensor> inputs) {
  return run_reference(parse_graph(text), inputs);
}

std::vector<int64_t> ints(const Tensor& t) {
  std::vector<int64_t> v;
  for (int64_t i = 0; i < t.numel(); ++i) v.push_back(t.at_int(i));
  return v;
}

Tensor codes(Shape shape, std::initializer_list<int> values) {
  Tensor t(DType::kU8, std::move(shape));
  size_t i = 0;
  for (int v : values) t.data<uint8_t>()[i++] = static_cast<uint8_t>(v);
  return t;
}

Tensor floats(Shape shape, std::initializer_list<float> values) {
  return Tensor::from<float>(std::move(shape), values);
}

// --- operators on codes
// ----------------------------------------------------------------------------------------

TEST(EncodedOps, ConvolutionSubtractsZeroPointsAndPadsWithZero) {
  // x - z = {2, -1, 3}; w = {1, 2}; sums {4 (pad 0: 0*1+2*2), 0, 5, 3}; bias 1; M = 0.5 * 0.5 / 0.5
  const auto y = run(R"(
graph net(x: f32[1,1,3] @ u8(scale=0.5, zp=10)) -> (y) {
  w: f32[1,1,2] @ i8(scale=0.5) = [1, 2]
  b: f32[1] @ i32(scale=0.25) = [1]
  y: f32[1,1,4] @ u8(scale=0.5, zp=100) = Conv(x, w, b) {pads=[1,1]}
})",
                     {codes({1, 1, 3}, {12, 9, 13})});
  EXPECT_THAT(ints(y[0]), ElementsAre(102, 100, 103, 102));  // 2.5 -> 2, 0.5 -> 0, 3, 2
}

TEST(EncodedOps, PlainBiasBecomesInt32First) {
  // 0.37 / 0.25 = 1.48 -> 1, so the sum is (4 + 1) * 0.5 = 2.5 -> 2
  const std::string text = R"(
graph net(x: f32[1,1] @ u8(scale=0.5)) -> (y, z) {
  w: f32[1,1] @ i8(scale=0.5) = [2]
  b: f32[1] = [0.37]
  y: f32[1,1] @ u8(scale=0.5) = Gemm(x, w, b)
  z = Gemm(x, w, b)
})";
  const auto y = run(text, {codes({1, 1}, {2})});
  EXPECT_THAT(ints(y[0]), ElementsAre(2));
  EXPECT_FLOAT_EQ(y[1].data<float>()[0], 1.25f);  // (4 + 1) * 0.25
}

TEST(EncodedOps, PerChannelScalesOfMatMul) {
  const auto y = run(R"(
graph net(x: f32[2,2] @ u8(scale=1, zp=1)) -> (y) {
  w: f32[2,2] @ i8(axis=1, scale=[0.5,2]) = [1, 1, 3, -1]
  y: f32[2,2] @ i8(scale=1) = MatMul(x, w)
})",
                     {codes({2, 2}, {2, 3, 1, 0})});
  EXPECT_THAT(ints(y[0]), ElementsAre(4, -2, -2, 2));  // {7*.5 -> 3.5 -> 4, -1*2, -3*.5 -> -1.5 -> -2, 1*2}
}

TEST(EncodedOps, UnprovenAccumulatorsRunInFloat) {
  // 70000 * 255 * 127 > 2^31: the integers would wrap, the float reference saturates.
  const std::string text = R"(
graph net(x: f32[1,70000] @ u8(scale=1)) -> (y) {
  w: f32[70000,1] @ i8(scale=1) = constant(fill, value=127)
  y: f32[1,1] @ u8(scale=100000000) = MatMul(x, w)
})";
  Tensor x(DType::kU8, {1, 70000});
  for (uint8_t& v : x.data<uint8_t>()) v = 255;
  const Graph graph = parse_graph(text);
  EXPECT_FALSE(integer_linear(graph, graph.node(graph.order()[0]), {1, 70000}, {70000, 1}).has_value());
  EXPECT_THAT(ints(run_reference(graph, std::vector<Tensor>{x})[0]), ElementsAre(23));  // 2.267e9 / 1e8
}

TEST(EncodedOps, AddSubMul) {
  const std::string text = R"(
graph net(a: f32[2] @ u8(scale=0.5, zp=4), b: f32[2] @ u8(scale=0.25, zp=8)) -> (s, d, p) {
  s: f32[2] @ u8(scale=1, zp=7) = Add(a, b)
  d: f32[2] @ u8(scale=1, zp=7) = Sub(a, b)
  p: f32[2] @ u8(scale=1, zp=7) = Mul(a, b)
})";
  // a = {3, -2}, b = {1, -0.5}
  const auto y = run(text, {codes({2}, {10, 0}), codes({2}, {12, 6})});
  EXPECT_THAT(ints(y[0]), ElementsAre(11, 5));  // 4, -2.5 -> -2
  EXPECT_THAT(ints(y[1]), ElementsAre(9, 5));   // 2, -1.5 -> -2
  EXPECT_THAT(ints(y[2]), ElementsAre(10, 8));  // 3, 1
}

TEST(EncodedOps, ChainsRoundOnceAtTheirEnd) {
  // 0.25 + 0.25 is one step of 0.5; each part alone is half a step and would be rounded to 0.
  Graph graph = parse_graph(R"(
graph net(x: f32[1,1,1] @ u8(scale=1), r: f32[1,1,1] @ u8(scale=0.25, zp=4)) -> (z) {
  w: f32[1,1,1] @ i8(scale=0.25) = [1]
  c = Conv(x, w)
  s = Add(r, c)
  y: f32[1,1,1] @ u8(scale=0.5) = Relu(s)
  z = Relu(y)
})");
  infer_types(graph);
  const auto match = match_integer_chain(graph, graph.order()[0]);
  ASSERT_TRUE(match.has_value());
  EXPECT_EQ(match->absorbed.size(), 2u);
  EXPECT_EQ(graph.value(match->residual).name, "r");
  std::vector<std::string> seen;
  const TapFunction tap = [&](const std::string& name, const Tensor&) { seen.push_back(name); };
  const auto y = run_reference(graph, std::vector<Tensor>{codes({1, 1, 1}, {1}), codes({1, 1, 1}, {5})}, tap);
  EXPECT_EQ(y[0].data<float>()[0], 0.5f);
  EXPECT_THAT(seen, ElementsAre("x", "r", "c", "s", "y", "z"));
}

TEST(EncodedOps, ReadTwiceIsNoChain) {
  const Graph graph = parse_graph(R"(
graph net(x: f32[1,1,1] @ u8(scale=1)) -> (y, c) {
  w: f32[1,1,1] @ i8(scale=0.25) = [1]
  c = Conv(x, w)
  y: f32[1,1,1] @ u8(scale=1) = Relu(c)
})");
  EXPECT_FALSE(match_integer_chain(graph, graph.order()[0]).has_value());
}

TEST(EncodedOps, ConcatMovesEachInputOntoTheOutputGrid) {
  const auto y = run(R"(
graph net(a: f32[2] @ u8(scale=0.5, zp=1), b: f32[2] @ u8(scale=1, zp=0)) -> (y) {
  y: f32[4] @ u8(scale=1, zp=10) = Concat(a, b) {axis=0}
})",
                     {codes({2}, {2, 4}), codes({2}, {7, 255})});
  EXPECT_THAT(ints(y[0]), ElementsAre(10, 12, 17, 255));  // 0.5 -> 0, 1.5 -> 2
}

TEST(EncodedOps, MoversKeepCodesAndPadWithTheCodeOfZero) {
  const auto y = run(R"(
graph net(x: f32[1,3] @ u8(scale=0.5, zp=7)) -> (p, m) {
  pads: i64[4] = [0, 1, 0, 0]
  one: f32[] = 1.0
  p: f32[1,4] @ u8(scale=0.5, zp=7) = Pad(x, pads)
  m: f32[1,4] @ u8(scale=0.25, zp=0) = Pad(x, pads, one)
})",
                     {codes({1, 3}, {1, 2, 9})});
  EXPECT_THAT(ints(y[0]), ElementsAre(7, 1, 2, 9));
  EXPECT_THAT(ints(y[1]), ElementsAre(4, 0, 0, 4));  // 1.0; below zero saturates; 2 * 0.5
}

TEST(EncodedOps, AveragesDivideInTheMultiplier) {
  const auto y = run(R"(
graph net(x: f32[1,1,2,2] @ u8(scale=0.5, zp=10)) -> (g, m, p) {
  axes: i64[2] = [2, 3]
  g: f32[1,1,1,1] @ u8(scale=0.5, zp=10) = GlobalAveragePool(x)
  m: f32[1,1] @ u8(scale=0.25, zp=0) = ReduceMean(x, axes) {keepdims=0}
  p: f32[1,1,1,3] @ u8(scale=0.5, zp=10) = AveragePool(x) {kernel_shape=[2,2], pads=[0,1,0,1]}
})",
                     {codes({1, 1, 2, 2}, {11, 12, 13, 14})});
  EXPECT_THAT(ints(y[0]), ElementsAre(12));          // 10 / 4 = 2.5 -> 2
  EXPECT_THAT(ints(y[1]), ElementsAre(5));           // 2.5 * 2
  EXPECT_THAT(ints(y[2]), ElementsAre(12, 12, 13));  // 4 / 2, 2.5 -> 2, 6 / 2
}

TEST(EncodedOps, FunctionsAndConversions) {
  const auto y = run(R"(
graph net(x: f32[3] @ u8(scale=0.5, zp=4)) -> (s, d, q) {
  s: f32[3] @ u8(scale=0.00390625, zp=0) = Sigmoid(x)
  d = precis::Dequantize(x)
  q: f32[3] @ i8(scale=1, zp=-1) = precis::Requantize(x)
})",
                     {codes({3}, {4, 255, 1})});
  EXPECT_THAT(ints(y[0]), ElementsAre(128, 255, 47));  // 256 sigmoid(0), saturated, 256 sigmoid(-1.5) = 46.7
  EXPECT_TRUE(test::tensors_equal(y[1], floats({3}, {0, 125.5f, -1.5f})));
  EXPECT_THAT(ints(y[2]), ElementsAre(-1, 125, -3));  // 125.5 -> 126 - 1, -1.5 -> -2 - 1
}

TEST(EncodedOps, DynamicEncodingsAreUnsupported) {
  EXPECT_ERROR(run(R"(
graph net(x: f32[1] @ u8(dynamic)) -> (y) {
  y = Relu(x)
})",
                   {codes({1}, {1})}),
               ErrorCode::kUnsupported, "'y'");
}

// --- run-time checks
// -------------------------------------------------------------------------------------------

TEST(ReferenceChecks, IndicesOutOfRangeNameTheNode) {
  const Tensor x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto at = [](std::initializer_list<int64_t> v) {
    return Tensor::from<int64_t>({static_cast<int64_t>(v.size())}, v);
  };
  const auto one_node = [](const std::string& node) {
    return "graph net(x: f32[?,?], i: i64[...]) -> (y) {\n" + node + "\n}";
  };
  EXPECT_ERROR(run(one_node("y = Gather(x, i)"), {x, at({2})}), ErrorCode::kMalformed,
               "node 'y' (Gather): index 2 is outside [-2, 1]");
  EXPECT_ERROR(run(one_node("y = Gather(x, i)"), {x, at({-3})}), ErrorCode::kMalformed, "index -3");
  EXPECT_ERROR(run(one_node("y = GatherND(x, i)"), {x, at({0, 3})}), ErrorCode::kMalformed, "index 3");
  EXPECT_ERROR(run(one_node("y = GatherElements(x, i) {axis=1}"), {x, at({0, 3}).reshaped({1, 2})}),
               ErrorCode::kMalformed, "index 3");
  EXPECT_ERROR(run(one_node("y = Reshape(x, i)"), {x, at({4, -1})}), ErrorCode::kMalformed, "'y'");
  EXPECT_ERROR(run(one_node("y = Expand(x, i)"), {x, at({2, 4})}), ErrorCode::kMalformed, "'y'");
  EXPECT_ERROR(run(one_node("y = Tile(x, i)"), {x, at({-1, 1})}), ErrorCode::kMalformed, "-1");
  EXPECT_ERROR(run(one_node("y = Pad(x, i)"), {x, at({0, -4, 0, 0})}), ErrorCode::kMalformed, "'y'");
  EXPECT_ERROR(run(one_node("y = Slice(x, i, i, _, i)"), {x, at({0, 0})}), ErrorCode::kMalformed,
               "step is 0");
  EXPECT_ERROR(run(one_node("y = ConstantOfShape(i)"), {x, at({1 << 30, 1 << 30, 1 << 30})}),
               ErrorCode::kLimit, "");
  EXPECT_ERROR(run(one_node("y, _ = TopK(x, i)"), {x, at({4})}), ErrorCode::kMalformed, "K is 4");
  EXPECT_ERROR(run(one_node("y = Unsqueeze(x, i)"), {x, at({0, 0})}), ErrorCode::kMalformed, "twice");
}

TEST(ReferenceChecks, ShapesThatDoNotFitNameTheNode) {
  const std::string text = R"(
graph net(a: f32[...], b: f32[...]) -> (y) {
  y = OP(a, b)
})";
  const auto with = [&](const std::string& op) { return std::string(text).replace(text.find("OP"), 2, op); };
  const Tensor a(DType::kF32, {2, 3}), b(DType::kF32, {2, 2}), image(DType::kF32, {1, 2, 4, 4}),
      kernel(DType::kF32, {1, 3, 3, 3});
  EXPECT_ERROR(run(with("Add"), {a, b}), ErrorCode::kMalformed,
               "node 'y' (Add): shapes [2,3] and [2,2] do not broadcast");
  EXPECT_ERROR(run(with("MatMul"), {a, b}), ErrorCode::kMalformed, "node 'y' (MatMul)");
  EXPECT_ERROR(run(with("Conv"), {image, kernel}), ErrorCode::kMalformed,
               "node 'y' (Conv): weights of shape [1,3,3,3]");
  EXPECT_ERROR(run(with("Conv"), {image, Tensor(DType::kF32, {1, 2, 9, 9})}), ErrorCode::kMalformed,
               "does not fit a padded input");
  EXPECT_ERROR(run(with("Concat"), {a, b}), ErrorCode::kMalformed, "'y'");
}

TEST(ReferenceChecks, InputsAreChecked) {
  const std::string text = "graph net(x: f32[n,3]) -> (y) { y = Relu(x) }";
  EXPECT_ERROR(run(text, {}), ErrorCode::kUsage, "0 inputs given, the model has 1");
  EXPECT_ERROR(run(text, {Tensor(DType::kF64, {1, 3})}), ErrorCode::kUsage,
               "input 'x' has type f64, expected f32");
  EXPECT_ERROR(run(text, {Tensor(DType::kF32, {1, 4})}), ErrorCode::kUsage,
               "input 'x' has shape [1,4], expected [n,3]");
}

// --- types
// -----------------------------------------------------------------------------------------------------

TEST(ReferenceTypes, NarrowFloatsGoThroughF32) {
  const std::string text = "graph net(x: f16[2], y: f16[2]) -> (z, g) { z = Add(x, y)\n g = Greater(x, y) }";
  const Tensor x = floats({2}, {1, 2048}).cast(DType::kF16), y = floats({2}, {0.5f, 1}).cast(DType::kF16);
  const auto out = run(text, {x, y});
  EXPECT_EQ(out[0].dtype(), DType::kF16);
  EXPECT_EQ(out[0].at_double(0), 1.5);
  EXPECT_EQ(out[0].at_double(1), 2048);  // 2049 is no f16; ties to even
  EXPECT_EQ(out[1].dtype(), DType::kBool);
}

TEST(ReferenceTypes, DoublesKeepTheirPrecision) {
  const auto out =
      run("graph net(x: f64[2]) -> (y) { y = ReduceSum(x) }", {Tensor::from<double>({2}, {1.0, 1e-12})});
  EXPECT_EQ(out[0].at_double(0), 1.0 + 1e-12);
}

TEST(ReferenceTypes, NibblesMove) {
  const Tensor x = Tensor::from<int8_t>({3}, {-8, 7, 1}).cast(DType::kI4);
  const auto out = run("graph net(x: i4[3]) -> (y) { i: i64[2] = [2, 0]\n y = Gather(x, i) }", {x});
  EXPECT_EQ(out[0].dtype(), DType::kI4);
  EXPECT_THAT(ints(out[0]), ElementsAre(1, -8));
}

TEST(ReferenceTypes, UnsupportedTypesAreSaidSo) {
  EXPECT_ERROR(run("graph net(x: bool[1]) -> (y) { y = Exp(x) }", {Tensor(DType::kBool, {1})}),
               ErrorCode::kUnsupported, "bool");
}

// --- evaluator
// -------------------------------------------------------------------------------------------------

Node node_of(std::string op, size_t inputs) {
  Node n;
  n.op = std::move(op);
  for (size_t i = 0; i < inputs; ++i) n.inputs.push_back(ValueId{static_cast<int32_t>(i)});
  n.outputs = {ValueId{static_cast<int32_t>(inputs)}};
  return n;
}

TEST(Evaluator, FoldsWithinTheLimit) {
  register_evaluator();
  const std::vector<Tensor> two = {Tensor::scalar(int64_t{2}), Tensor::scalar(int64_t{3})};
  const auto sum = evaluate_node(node_of("Add", 2), two, 8);
  ASSERT_TRUE(sum.has_value());
  EXPECT_EQ((*sum)[0].at_int(0), 5);
  const std::vector<Tensor> shape = {Tensor::from<int64_t>({2}, {1 << 20, 1 << 20})};
  EXPECT_FALSE(evaluate_node(node_of("ConstantOfShape", 1), shape, 1 << 20).has_value());
  EXPECT_FALSE(evaluate_node(node_of("Frobnicate", 1), shape, 1 << 20).has_value());
  EXPECT_FALSE(
      evaluate_node(node_of("Gather", 2), two, 8).has_value());  // malformed: left for the run to report
}

TEST(ReferenceTable, IsSortedAndFindsEverything) {
  for (const ReferenceOp& op : all_reference_ops()) EXPECT_EQ(find_reference_op(op.domain, op.op), &op);
  EXPECT_EQ(find_reference_op("", "Frobnicate"), nullptr);
  EXPECT_EQ(find_reference_op("other", "Add"), nullptr);
}

// Equal scores of 0 weigh 4 and 8 evenly; twice the weights give twice the mean.
TEST(ReferenceEngine, FlexAttentionRunsItsModifiers) {
  const auto run = [](const std::string& modifier) {
    const Graph g = parse_graph(
        "graph net(q: f32[1,2,1,1], k: f32[1,1,2,1], v: f32[1,1,2,1]) -> (y) { "
        "y = ai.onnx.preview::FlexAttention(q, k, v) {" +
        modifier + "} }");
    const std::vector<Tensor> inputs{Tensor::from<float>(Shape{1, 2, 1, 1}, {1, 1}),
                                     Tensor::from<float>(Shape{1, 1, 2, 1}, {0, 0}),
                                     Tensor::from<float>(Shape{1, 1, 2, 1}, {4, 8})};
    return run_reference(g, inputs)[0];
  };
  EXPECT_EQ(run("prob_mod=graph m(p: f32[...]) -> (t) { t = Add(p, p) }").data<float>()[1], 12);
  EXPECT_EQ(run("score_mod=graph m(s: f32[...]) -> (t) { t = Exp(s) }").data<float>()[0], 6);
  EXPECT_THROW(run("prob_mod=graph m(p: f32[...]) -> (t) { t = ReduceSum(p) }"), Error);
}

}  // namespace
}  // namespace precis::runtime
