// Q/DQ nodes -> encodings, case by case; what is not met by the rules stays as it is.
#include "precis/onnx/qdq_fold.h"

#include <gtest/gtest.h>

#include "precis/graph/text.h"
#include "precis/onnx/qoperator_expand.h"

namespace precis::onnx_io {
namespace {

constexpr const char* kParams = "s: f32[] = 0.5 z: u8[] = 3 ";

std::string folded(const std::string& text) {
  Graph g = parse_graph(text);
  fold_qdq(g);
  return print_graph(g);
}
// x: f32[2,4] -> y around `body`; s and z are the parameters 0.5 and 3 of u8.
void expect_fold(const std::string& body, const std::string& wanted_body) {
  const std::string frame = "graph g(x: f32[2,4]) -> (y) {";
  EXPECT_EQ(folded(frame + kParams + body + "}"), print_graph(parse_graph(frame + wanted_body + "}")))
      << body;
}
void expect_kept(const std::string& body) {
  const std::string text = std::string("graph g(x: f32[2,4]) -> (y) {") + kParams + body + "}";
  Graph g = parse_graph(text);
  const int nodes = static_cast<int>(g.order().size());
  EXPECT_EQ(fold_qdq(g).folded, 0) << body;
  EXPECT_EQ(static_cast<int>(g.order().size()), nodes);
}

TEST(QdqFold, ProducerWritesCodes) {
  expect_fold("r = Relu(x) q = QuantizeLinear(r, s, z) d = DequantizeLinear(q, s, z) y = Neg(d)",
              "r: f32[...] @ u8(scale=0.5, zp=3) = Relu(x) y = Neg(r)");
}

TEST(QdqFold, GraphInputsGetAnExplicitQuantize) {
  expect_fold("q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) y = Neg(d)",
              "d: f32[2,4] @ u8(scale=0.5, zp=3) = precis::Quantize(x) as q y = Neg(d)");
}

TEST(QdqFold, GraphOutputsGetAnExplicitDequantize) {
  expect_fold("r = Relu(x) q = QuantizeLinear(r, s, z) y = DequantizeLinear(q, s, z)",
              "r: f32[...] @ u8(scale=0.5, zp=3) = Relu(x) y = precis::Dequantize(r)");
}

TEST(QdqFold, RealReadersKeepTheRealValue) {
  expect_fold("r = Relu(x) q = QuantizeLinear(r, s, z) d = DequantizeLinear(q, s, z) y = Add(d, r)",
              "r = Relu(x) d: f32[...] @ u8(scale=0.5, zp=3) = precis::Quantize(r) as q y = Add(d, r)");
}

TEST(QdqFold, SeveralReadersAndDedicatedPairs) {
  expect_fold(
      "r = Relu(x) q = QuantizeLinear(r, s, z) d = DequantizeLinear(q, s, z) e = DequantizeLinear(q, s, z) y "
      "= Add(d, e)",
      "r: f32[...] @ u8(scale=0.5, zp=3) = Relu(x) y = Add(r, r)");
  expect_fold(
      "r = Relu(x) q = QuantizeLinear(r, s, z) p = QuantizeLinear(r, s, z) d = DequantizeLinear(q, s, z) "
      "e = DequantizeLinear(p, s, z) y = Add(d, e)",
      "r: f32[...] @ u8(scale=0.5, zp=3) = Relu(x) y = Add(r, r)");
}

TEST(QdqFold, ChangesOfEncoding) {
  expect_fold(
      "t: f32[] = 0.25 r = Relu(x) q = QuantizeLinear(r, s, z) d = DequantizeLinear(q, s, z) p = "
      "QuantizeLinear(d, t, z) "
      "e = DequantizeLinear(p, t, z) y = Neg(e)",
      "r: f32[...] @ u8(scale=0.5, zp=3) = Relu(x) e: f32[...] @ u8(scale=0.25, zp=3) = "
      "precis::Requantize(r) as p y = Neg(e)");
}

TEST(QdqFold, Constants) {
  expect_fold(
      "w: i8[2,4] = [1,2,3,4,5,6,7,8] v: f32[2] = [0.5,0.25] o: i8[2] = [0,0] d = DequantizeLinear(w, v, o) "
      "{axis=0} y = Add(x, d)",
      "s: f32[] = 0.5 z: u8[] = 3 d: f32[2,4] @ i8(axis=0, scale=[0.5,0.25]) = [1,2,3,4,5,6,7,8] y = Add(x, "
      "d)");
}

TEST(QdqFold, ConstantForms) {
  const auto encoding = [](const std::string& body) {
    Graph g = parse_graph("graph g(x: f32[2,4]) -> (y) {" + body + " y = Add(x, d)}");
    EXPECT_EQ(fold_qdq(g).kept, 0) << body;
    return g.value(g.find_value("d")).type.encoding;
  };
  const Encoding bias =
      encoding("w: i32[4] = [1,2,3,4] v: f32[4] = [1,2,3,4] d = DequantizeLinear(w, v) {axis=0}");
  EXPECT_EQ(bias.code, DType::kI32);
  EXPECT_EQ(bias.scales.size(), 4u);
  const Encoding negative = encoding(
      "w: u8[2,4] = constant(fill) v: f32[4] = [1,2,3,4] o: u8[4] = [1,2,3,4] d = DequantizeLinear(w, v, o) "
      "{axis=-1}");
  EXPECT_EQ(negative.block, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(negative.zero_points, (std::vector<int32_t>{1, 2, 3, 4}));
  const Encoding blocked = encoding(
      "w: i4[2,4] = constant(fill) v: f32[2,2] = [1,2,3,4] d = DequantizeLinear(w, v) {axis=1, "
      "block_size=2}");
  EXPECT_EQ(blocked.block, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(blocked.code, DType::kI4);
  EXPECT_TRUE(
      encoding("w: i8[2,4] = constant(fill) v: f32[1] = [1] d = DequantizeLinear(w, v)").per_tensor());
}

TEST(QdqFold, EqualDequantizersOfOneConstantShareIt) {
  expect_fold(
      "w: u8[4] = [1,2,3,4] d = DequantizeLinear(w, s, z) e = DequantizeLinear(w, s, z) a = Add(x, d) y = "
      "Add(a, e)",
      "d: f32[4] @ u8(scale=0.5, zp=3) = [1,2,3,4] a = Add(x, d) y = Add(a, d)");
}

TEST(QdqFold, IntegersThroughDataMovers) {
  expect_fold(
      "r = Relu(x) q = QuantizeLinear(r, s, z) t = Transpose(q) d = DequantizeLinear(t, s, z) y = Neg(d)",
      "r: f32[...] @ u8(scale=0.5, zp=3) = Relu(x) d: f32[...] @ u8(scale=0.5, zp=3) = Transpose(r) as t y = "
      "Neg(d)");
}

TEST(QdqFold, PadOnCodesTakesARealFillValue) {
  Graph g = parse_graph(std::string("graph g(x: f32[2,4]) -> (y) {") + kParams +
                        "p: i64[4] = [0,1,0,1] q = QuantizeLinear(x, s, z) t = Pad(q, p) d = "
                        "DequantizeLinear(t, s, z) y = Neg(d) }");
  fold_qdq(g);
  const Node& pad = *g.producer(g.find_value("d"));
  EXPECT_EQ(pad.op, "Pad");
  EXPECT_EQ(g.constant(pad.inputs[2])->at_double(0), -1.5);  // code 0
}

TEST(QdqFold, StaysWhenSomebodySeesTheIntegers) {
  expect_kept("q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) i = Cast(q) {to=i32} y = Neg(d)");
  expect_kept("t: f32[] = 0.25 q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, t, z) y = Neg(d)");
  expect_kept(
      "q = QuantizeLinear(x, s, z) t = Transpose(q) i = Cast(t) {to=i32} d = DequantizeLinear(t, s, z) y = "
      "Neg(d)");
  expect_kept("v = Abs(s) q = QuantizeLinear(x, v, z) d = DequantizeLinear(q, v, z) y = Neg(d)");
  expect_kept("n: f32[] = 0 q = QuantizeLinear(x, n, z) d = DequantizeLinear(q, n, z) y = Neg(d)");
  expect_kept("n: f32[] = nan q = QuantizeLinear(x, n, z) d = DequantizeLinear(q, n, z) y = Neg(d)");
  expect_kept("c: i32[2] = [1,2] q = QuantizeLinear(c, s, z) d = DequantizeLinear(q, s, z) y = Neg(d)");
}

TEST(QdqFold, IntegerInputsAndOutputsStay) {
  const std::string in =
      "graph g(x: u8[2]) -> (y) { s: f32[] = 0.5 z: u8[] = 3 y = DequantizeLinear(x, s, z) }";
  EXPECT_EQ(folded(in), print_graph(parse_graph(in)));
  const std::string out =
      "graph g(x: f32[2]) -> (q, y) { s: f32[] = 0.5 z: u8[] = 3 q: u8[2] = QuantizeLinear(x, s, z) d = "
      "DequantizeLinear(q, s, z) y = Neg(d) }";
  EXPECT_EQ(folded(out), print_graph(parse_graph(out)));
}

TEST(QdqFold, UnusedInitializersOfOthersStay) {
  Graph g = parse_graph(
      std::string("graph g(x: f32[2,4]) -> (y) {") + kParams +
      "unused: f32[1] = [1] q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) y = Neg(d) }");
  fold_qdq(g);
  EXPECT_TRUE(g.find_value("unused"));
  EXPECT_FALSE(g.find_value("s"));
}

TEST(QdqFold, CapturedValuesStayReal) {
  Graph g = parse_graph(std::string("graph g(c: bool[], x: f32[2]) -> (y) {") + kParams +
                        "r = Relu(x) q = QuantizeLinear(r, s, z) d = DequantizeLinear(q, s, z) "
                        "y = If(c) {then_branch=graph t() -> (u) { u = Neg(d) }, else_branch=graph e() -> "
                        "(v) { v = Neg(r) }} }");
  fold_qdq(g);
  EXPECT_FALSE(g.value(g.find_value("r")).type.encoded());
  EXPECT_TRUE(g.producer(g.find_value("d"))->is_precis("Dequantize"));
}

TEST(QdqFold, NamesOfOnnxRuntimeAreShortened) {
  Graph g = parse_graph(std::string("graph g(x: f32[2,4]) -> (y) {") + kParams +
                        "W_quantized: u8[4] = [1,2,3,4] W_DequantizeLinear_Output = "
                        "DequantizeLinear(W_quantized, s, z) y = Add(x, W_DequantizeLinear_Output) }");
  fold_qdq(g);
  EXPECT_TRUE(g.value(g.find_value("W")).type.encoded());
}

TEST(QOperator, ExpandsAndFolds) {
  Graph g = parse_graph(R"(graph g(x: f32[1,2,3,3]) -> (y) {
    s: f32[] = 0.5  z: u8[] = 3  t: f32[] = 0.25
    w: i8[2,2,1,1] = [1,2,3,4]  ws: f32[2] = [0.5,0.125]  wz: i8[2] = [0,0]  b: i32[2] = [7,8]
    q = QuantizeLinear(x, s, z)
    c = QLinearConv(q, s, z, w, ws, wz, t, z, b) {pads=[0,0,0,0]}
    a = com.microsoft::QLinearAdd(c, t, z, q, s, z, s, z)
    p = MaxPool(a) {kernel_shape=[2,2]}
    k = com.microsoft::QLinearConcat(s, z, p, s, z, p, s, z) {axis=1}
    y = DequantizeLinear(k, s, z)
  })");
  expand_qoperators(g);
  EXPECT_EQ(fold_qdq(g).kept, 0);
  EXPECT_EQ(g.order().size(), 6u);  // Quantize, Conv, Add, MaxPool, Concat, Dequantize
  const Node& conv = *g.producer(g.find_value("c"));
  EXPECT_EQ(conv.op, "Conv");
  EXPECT_EQ(g.value(conv.inputs[2]).type.encoding.scales, (std::vector<float>{0.25f, 0.0625f}));
  EXPECT_EQ(g.value(conv.outputs[0]).type.encoding, Encoding::per_tensor_uniform(DType::kU8, 0.25f, 3));
}

TEST(QOperator, ComputedScalesStayOutsideTheEncodings) {
  Graph g = parse_graph(
      "graph g(x: u8[2], s: f32[]) -> (y) { z: u8[] = 3 y = com.microsoft::QLinearSigmoid(x, s, z, s, z) }");
  expand_qoperators(g);
  EXPECT_EQ(fold_qdq(g).kept, 2);
  EXPECT_EQ(g.order().size(), 3u);  // DequantizeLinear, Sigmoid, QuantizeLinear
}

}  // namespace
}  // namespace precis::onnx_io
