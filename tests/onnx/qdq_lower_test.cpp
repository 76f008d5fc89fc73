// Encodings -> Q/DQ nodes: names, one pair per tensor, and the way back gives the same graph.
#include "precis/onnx/qdq_lower.h"

#include <gtest/gtest.h>

#include "precis/graph/text.h"
#include "precis/onnx/qdq_fold.h"
#include "tests/support/expect_error.h"
#include "tests/support/tensor_compare.h"

namespace precis::onnx_io {
namespace {

constexpr auto kInt32 = WriteOptions::BiasForm::kInt32;

std::string lowered(const std::string& text, QuantFormat format = QuantFormat::kQdq) {
  Graph g = parse_graph(text);
  lower_encodings(g, format, kInt32);
  return print_graph(g);
}

void expect_round_trip(const std::string& text) {
  const Graph original = parse_graph(text);
  Graph g = original;
  lower_encodings(g, QuantFormat::kQdq, kInt32);
  EXPECT_FALSE(has_encodings(g));
  fold_qdq(g);
  // Encoded constants change places with their nodes: compare value by value.
  EXPECT_EQ(print_graph(original).size(), print_graph(g).size()) << print_graph(g);
  for (size_t i = 0; i < original.num_values(); ++i) {
    const Value& v = original.value(ValueId{static_cast<int32_t>(i)});
    const ValueId found = g.find_value(v.name);
    ASSERT_TRUE(found) << v.name << "\n" << print_graph(g);
    EXPECT_EQ(g.value(found).type.encoding, v.type.encoding) << v.name;
    ASSERT_EQ(g.value(found).constant.has_value(), v.constant.has_value()) << v.name;
    if (v.constant) {
      EXPECT_TRUE(test::tensors_equal(*g.value(found).constant, *v.constant));
    }
  }
}

TEST(QdqLower, Names) {
  EXPECT_EQ(lowered("graph g(x: f32[1,2,2,2]) -> (y) {"
                    "  w: f32[2,2,1,1] @ i8(axis=0, scale=[0.5,0.25]) = [1,2,3,4]"
                    "  b: f32[2] @ i32(axis=0, scale=[0.5,0.25]) = [5,6]"
                    "  q: f32[1,2,2,2] @ u8(scale=0.5, zp=3) = precis::Quantize(x) as \"\""
                    "  c: f32[1,2,2,2] @ u8(scale=0.25) = Conv(q, w, b)"
                    "  y: f32[1,2,2,2] = precis::Dequantize(c) as \"\" }"),
            print_graph(parse_graph(
                "graph g(x: f32[1,2,2,2]) -> (y) {"
                "  w/scale: f32[2] = [0.5,0.25]  w/zp: i8[2] = [0,0]  w/quantized: i8[2,2,1,1] = [1,2,3,4]"
                "  b/scale: f32[2] = [0.5,0.25]  b/quantized: i32[2] = [5,6]"
                "  x/scale: f32[] = 0.5  x/zp: u8[] = 3  c/scale: f32[] = 0.25  c/zp: u8[] = 0"
                "  x/quantized: u8[1,2,2,2] = QuantizeLinear(x, x/scale, x/zp) as x/Q"
                "  q: f32[1,2,2,2] = DequantizeLinear(x/quantized, x/scale, x/zp) as x/DQ"
                "  w: f32[2,2,1,1] = DequantizeLinear(w/quantized, w/scale, w/zp) {axis=0} as w/DQ"
                "  b: f32[2] = DequantizeLinear(b/quantized, b/scale) {axis=0} as b/DQ"
                "  c: f32[1,2,2,2] = Conv(q, w, b)"
                "  c/quantized: u8[1,2,2,2] = QuantizeLinear(c, c/scale, c/zp) as c/Q"
                "  y: f32[1,2,2,2] = DequantizeLinear(c/quantized, c/scale, c/zp) as c/DQ }")));
}

TEST(QdqLower, OnePairForAllReaders) {
  Graph g = parse_graph(
      "graph g(x: f32[2]) -> (y) {"
      "  r: f32[2] @ u8(scale=0.5) = Relu(x)  a: f32[2] = Add(r, r)  n: f32[2] = Neg(r)"
      "  d: f32[2] = precis::Dequantize(r)  s: f32[2] = Sub(n, d)  y: f32[2] = Mul(a, s) }");
  lower_encodings(g, QuantFormat::kQdq, kInt32);
  int q = 0, dq = 0;
  for (NodeId id : g.order()) {
    q += g.node(id).is("QuantizeLinear");
    dq += g.node(id).is("DequantizeLinear");
  }
  EXPECT_EQ(q, 1);
  EXPECT_EQ(dq, 1);
}

TEST(QdqLower, RoundTrips) {
  expect_round_trip(
      "graph g(x: f32[1,2,2,2]) -> (y) {"
      "  w: f32[2,2,1,1] @ i8(axis=0, scale=[0.5,0.25]) = [1,2,3,4]"
      "  b: f32[2] @ i32(axis=0, scale=[0.5,0.25]) = [5,6]"
      "  q: f32[1,2,2,2] @ u8(scale=0.5, zp=3) = precis::Quantize(x)"
      "  c: f32[1,2,2,2] @ u8(scale=0.25) = Conv(q, w, b)"
      "  m: f32[1,2,1,1] @ u8(scale=0.25) = MaxPool(c) {kernel_shape=[2,2]}"
      "  e: f32[1,2,1,1] @ i8(scale=0.125, zp=-7) = precis::Requantize(m)"
      "  a: f32[1,2,1,1] @ u8(scale=1, zp=128) = Add(e, m)"
      "  y: f32[1,2,1,1] = precis::Dequantize(a) }");
  // A real value read in float and as codes; an encoded value read by a float operator and by an output.
  expect_round_trip(
      "graph g(x: f32[2]) -> (y, z) {"
      "  r: f32[2] = Relu(x)  q: f32[2] @ u8(scale=0.5) = precis::Quantize(r)"
      "  s: f32[2] @ u8(scale=0.5) = Add(q, r)  t: f32[2] = Softmax(s)  y: f32[2] = Neg(t)"
      "  z: f32[2] = precis::Dequantize(s) }");
  // Codes that only go to an output; a constant read raw elsewhere under its own name; blocks; 16 and 4 bits.
  expect_round_trip(
      "graph g(x: f32[2,4]) -> (y, z) {"
      "  w: f32[2,4] @ u4(block=[1,2], scale=[1,2,3,4], zp=[0,8,7,1]) = [1,2,3,4,5,6,7,15]"
      "  q: f32[2,4] @ i16(scale=0.5) = precis::Quantize(x)  y: f32[2,4] = precis::Dequantize(q)"
      "  z: f32[2,4] = Mul(x, w) }");
  expect_round_trip(
      "graph g(x: f16[2]) -> (y) {"
      "  q: f16[2] @ u8(scale=0.5) = precis::Quantize(x)  n: f16[2] @ u8(scale=0.5) = Neg(q)  y: f16[2] = "
      "precis::Dequantize(n) }");
}

// Other runtimes see a plain operator between DQ and Q; the activation behind it stands between, too.
TEST(QdqLower, BatchNormalizationIsPlainOnnx) {
  const std::string text =
      "graph g(x: f32[1,2,2,2]) -> (y) {"
      "  s: f32[2] = [1,2]  b: f32[2] = [0.5,1]  m: f32[2] = [0,1]  v: f32[2] = [1,4]"
      "  q: f32[1,2,2,2] @ u8(scale=0.5, zp=3) = precis::Quantize(x)"
      "  n: f32[1,2,2,2] = BatchNormalization(q, s, b, m, v)"
      "  r: f32[1,2,2,2] @ u8(scale=0.25) = Relu(n)"
      "  y: f32[1,2,2,2] = precis::Dequantize(r) }";
  expect_round_trip(text);
  for (QuantFormat format : {QuantFormat::kQdq, QuantFormat::kQOperator}) {
    Graph g = parse_graph(text);
    lower_encodings(g, format, kInt32);
    std::vector<std::string> ops;
    for (NodeId id : g.order()) {
      EXPECT_EQ(g.node(id).domain, "");
      ops.push_back(g.node(id).op);
    }
    EXPECT_EQ(ops, (std::vector<std::string>{"QuantizeLinear", "DequantizeLinear", "BatchNormalization",
                                             "Relu", "QuantizeLinear", "DequantizeLinear"}));
  }
}

TEST(QdqLower, OutputsAndCapturesKeepTheirNames) {
  Graph g = parse_graph(
      "graph g(c: bool[], x: f32[2]) -> (r, y) {"
      "  r: f32[2] @ u8(scale=0.5) = Relu(x)"
      "  y = If(c) {then_branch=graph t() -> (u) { u = Neg(r) }, else_branch=graph e() -> (v) { v = Abs(r) "
      "}} }");
  lower_encodings(g, QuantFormat::kQdq, kInt32);
  EXPECT_TRUE(g.producer(g.find_value("r"))->is("DequantizeLinear"));
  EXPECT_TRUE(g.is_output(g.find_value("r")));
  EXPECT_TRUE(g.producer(g.find_value("r/real"))->is("Relu"));
}

TEST(QdqLower, FloatBiases) {
  Graph g = parse_graph(
      "graph g(x: f32[1,2,2,2]) -> (y) { w: f32[2,2,1,1] = constant(fill, value=1)"
      "  b: f32[2] @ i32(axis=0, scale=[0.5,0.25]) = [5,6]  y = Conv(x, w, b) }");
  lower_encodings(g, QuantFormat::kQdq, WriteOptions::BiasForm::kFloat);
  EXPECT_TRUE(
      test::tensors_equal(*g.constant(g.find_value("b")), Tensor::from<float>(Shape{2}, {2.5f, 1.5f})));
  EXPECT_EQ(g.order().size(), 1u);
}

TEST(QdqLower, RefusesWhatOnnxCannotSay) {
  const auto refuse = [](const std::string& text, const char* fragment) {
    EXPECT_ERROR(lowered(text), ErrorCode::kUnsupported, fragment);
  };
  refuse("graph g(x: f32[2]) -> (y) { q: f32[2] @ u8(dynamic) = precis::Quantize(x)  y = Neg(q) }",
         "'q' has a dynamic encoding");
  refuse("graph g(x: f32[2]) -> (y) { w: f32[2] @ u8(grid=codebook, codebook=[0,1]) = [0,1]  y = Mul(x, w) }",
         "a non-uniform encoding");
  refuse(
      "graph g(x: f32[4,4]) -> (y) { w: f32[4,4] @ u8(block=[2,2], scale=[1,2,3,4]) = constant(fill)  y = "
      "Mul(x, w) }",
      "blocks along several dimensions");
  refuse("graph g(x: f32[2] @ u8(scale=1)) -> (y) { y = Neg(x) }", "graph input 'x' is encoded");
}

TEST(QdqLower, IntegerOperators) {
  const std::string text =
      "graph g(x: f32[1,2,2,2]) -> (y) {"
      "  w: f32[2,2,1,1] @ i8(axis=0, scale=[0.5,0.25]) = [1,2,3,4]"
      "  b: f32[2] @ i32(axis=0, scale=[0.25,0.125]) = [5,6]"
      "  q: f32[1,2,2,2] @ u8(scale=0.5, zp=3) = precis::Quantize(x)"
      "  c: f32[1,2,2,2] @ u8(scale=0.25) = Conv(q, w, b)"
      "  m: f32[1,2,1,1] @ u8(scale=0.25) = MaxPool(c) {kernel_shape=[2,2]}"
      "  h: f32[1,2,1,1] @ u8(scale=0.25) = HardSwish(m)"
      "  a: f32[1,2,1,1] @ u8(scale=1) = Add(h, m)"
      "  y: f32[1,2,1,1] = precis::Dequantize(a) }";
  Graph g = parse_graph(lowered(text, QuantFormat::kQOperator));
  std::string ops;
  for (NodeId id : g.order()) ops += g.node(id).op + " ";
  EXPECT_EQ(ops,
            "QuantizeLinear QLinearConv MaxPool DequantizeLinear HardSwish QuantizeLinear QLinearAdd "
            "DequantizeLinear ");
  EXPECT_EQ(g.producer(g.find_value("c/quantized"))->inputs.size(), 9u);
  EXPECT_FALSE(g.find_value("b/scale"));  // implied by the scales of x and w
}

TEST(QdqLower, IntegerOperatorsNeedMatchingParameters) {
  // A bias in other units, u8 weights under s8 activations, an output of another type: these stay in float
  // between Q and DQ.
  for (const std::string body :
       {"w: f32[2,2,1,1] @ i8(scale=0.5) = [1,2,3,4]  b: f32[2] @ i32(scale=0.5) = [5,6]  c: f32[1,2,2,2] @ "
        "u8(scale=0.25) = Conv(q, w, b)",
        "w: f32[2,2,1,1] @ i8(scale=0.5) = [1,2,3,4]  c: f32[1,2,2,2] @ i8(scale=0.25) = Conv(q, w)",
        "c: f32[1,2,2,2] @ u8(scale=0.25) = Transpose(q)"}) {
    const std::string out =
        lowered("graph g(x: f32[1,2,2,2]) -> (y) { q: f32[1,2,2,2] @ u8(scale=0.5) = precis::Quantize(x) " +
                    body + " y: f32[1,2,2,2] = precis::Dequantize(c) }",
                QuantFormat::kQOperator);
    EXPECT_EQ(out.find("QLinear"), std::string::npos) << out;
    EXPECT_NE(out.find("QuantizeLinear(c,"), std::string::npos) << out;
  }
}

TEST(QdqLower, PadOnCodesHasItsFillValueAsCode) {
  Graph g = parse_graph(
      "graph g(x: f32[2]) -> (y) { p: i64[2] = [1,1]  q: f32[2] @ u8(scale=0.5, zp=3) = precis::Quantize(x)"
      "  t: f32[4] @ u8(scale=0.5, zp=3) = Pad(q, p)  y: f32[4] = precis::Dequantize(t) }");
  lower_encodings(g, QuantFormat::kQOperator, kInt32);
  for (NodeId id : g.order())
    if (g.node(id).is("Pad")) {
      EXPECT_TRUE(test::tensors_equal(*g.constant(g.node(id).inputs[2]), Tensor::scalar<uint8_t>(3)));
    }
}

}  // namespace
}  // namespace precis::onnx_io
