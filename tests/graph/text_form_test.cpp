// The text form: what is written is read back, and mistakes are reported with line and column.
#include <gtest/gtest.h>

#include "precis/core/error.h"
#include "precis/graph/text.h"

namespace precis {
namespace {

void expect_round_trip(const std::string& text) { EXPECT_EQ(print_graph(parse_graph(text)), text); }

TEST(TextForm, RoundTripOfASmallNetwork) {
  expect_round_trip(
      "graph net(x: f32[batch,3,8,?]) -> (y) {\n"
      "  b: f32[4] = [0, 0.5, -1, 2]\n"
      "  s: i64[] = -9223372036854775808\n"
      "  e: i64[0] = []\n"
      "  c: f32[batch,4,4,?] = Conv(x, w, b) {pads=[1,1,1,1], strides=[2,2]}\n"
      "  y: f32[...] = Relu(c)\n"
      "}\n");
}

TEST(TextForm, RoundTripOfEveryAttributeKind) {
  expect_round_trip(
      "graph g(x: f32[2]) -> (y) {\n"
      "  y = Foo(x) {a=1, b=-0.5, c=2.0, d=\"te\\\"xt\", e=[1,2], f=[0.5,1.0], g=[\"p\",\"q\"], h=[], "
      "i=floats[], "
      "j=strings[], k=tensor(i8[3], [1, -2, 3]), l=inf, to=i64}\n"
      "}\n");
}

TEST(TextForm, RoundTripOfEncodings) {
  expect_round_trip(
      "graph g(x: f32[1,2,2,2]) -> (y) {\n"
      "  w: f32[2,2] @ i8(axis=0, scale=[0.1,0.25]) = [1, -2, 127, -128]\n"
      "  n: f32[2,4] @ u4(block=[1,2], scale=[1,2,3,4], zp=[0,8,7,1]) = [1, 2, 3, 4, 5, 6, 7, 15]\n"
      "  q: f32[1,2,2,2] @ u8(scale=0.1, zp=3) = precis::Quantize(x)\n"
      "  r: f32[1,2,2,2] @ i8(min=-127, scale=0.5) = precis::Requantize(q)\n"
      "  d: f32[1,2,2,2] @ u8(dynamic) = precis::Quantize(x)\n"
      "  y: f32[1,2,2,2] = precis::Dequantize(r)\n"
      "}\n");
}

TEST(TextForm, RoundTripOfNamesOmissionsAndSubgraphs) {
  expect_round_trip(
      "graph \"my graph\"(\"in:0\": f32[\"a b\"], /l/x_1.2: f32[3]) -> (\"1\", z) {\n"
      "  \"1\", _, z = Foo(\"in:0\", _, /l/x_1.2) as \"node one\"\n"
      "  c = com.example::Bar(\"1\") as \"\"\n"
      "  d = If(c) {else_branch=graph e() -> (v) {\n"
      "    v = Neg(z)\n"
      "  }, then_branch=graph t() -> (u) {\n"
      "    u: f32[1] = [1]\n"
      "  }}\n"
      "}\n");
  const Graph g = parse_graph("graph (z: f32[1]) -> (d) { d = If(z) {b=graph e() -> (v) { v = Neg(z) }} }");
  const Graph& body = *std::get<SubgraphPtr>(g.node(g.order()[0]).attributes.at("b"));
  EXPECT_TRUE(body.value(body.find_value("z")).captured);
}

TEST(TextForm, EncodingsBecomePlainRecords) {
  const Graph g =
      parse_graph("graph g() -> () { w: f32[2,3] @ s8(axis=1, scale=[1,2,3], zp=[0,0,0]) = constant(fill) }");
  const Value& w = g.value(g.find_value("w"));
  EXPECT_EQ(w.type.encoding, Encoding::per_axis_uniform(DType::kI8, Shape{2, 3}, 1, {1, 2, 3}));
  EXPECT_EQ(w.constant->dtype(), DType::kI8);
  EXPECT_EQ(w.type.dtype, DType::kF32);
}

TEST(TextForm, Fillings) {
  const Graph g = parse_graph(R"(graph g() -> () {
    a: i64[5] = constant(iota, start=2, step=3)
    b: f32[3] = constant(fill, value=1.5)
    c: f32[1000] = constant(uniform, seed=3, lo=-1, hi=1)
    d: f32[1000] = constant(normal, seed=3, mean=5, scale=0.1)
  })");
  EXPECT_EQ(g.constant(g.find_value("a"))->at_int(4), 14);
  EXPECT_EQ(g.constant(g.find_value("b"))->at_double(2), 1.5);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_LE(std::abs(g.constant(g.find_value("c"))->at_double(i)), 1.0);
    EXPECT_NEAR(g.constant(g.find_value("d"))->at_double(i), 5.0, 1.0);
  }
}

TEST(TextForm, LargeTensorsPrintAsHash) {
  Graph g = parse_graph("graph g() -> () { a: f32[17] = constant(iota) }");
  const std::string text = print_graph(g);
  EXPECT_NE(text.find("constant(hash="), std::string::npos) << text;
  EXPECT_THROW(parse_graph(text), Error);
  EXPECT_EQ(print_graph(parse_graph(print_graph(g, 100)), 100), print_graph(g, 100));
}

TEST(TextForm, FloatsSurviveExactly) {
  const char* text = "graph g() -> () {\n  a: f32[6] = [0.1, 1e-45, 3.4028235e+38, -0, inf, nan]\n}\n";
  expect_round_trip("graph g() -> () {\n  a: f32[6] = [0.1, 1e-45, 3.4028235e+38, -0, inf, nan]\n}\n");
  EXPECT_EQ(static_cast<float>(parse_graph(text).constant(ValueId{0})->at_double(0)), 0.1f);
}

struct BadText {
  const char* text;
  const char* message;
};

TEST(TextForm, MistakesAreLocated) {
  const BadText cases[] = {
      {"", "line 1, column 1: expected 'graph'"},
      {"graph g(x: f33[2]) -> (x) {}", "line 1, column 12: unknown element type 'f33'"},
      {"graph g(x: f32[-2]) -> (x) {}", "a dimension is negative"},
      {"graph g(x: f32[2]) -> (x) {\n  a = \n}",
       "line 3, column 1: expected an operator or a constant, found '}'"},
      {"graph g(x: f32[2]) -> (x) { a = Relu(x", "expected ',', found 'end of text'"},
      {"graph g() -> () { a: f32[2] = [1] }", "1 elements for shape [2]"},
      {"graph g() -> () { a: f32[n] = [1] }",
       "a constant needs an element type and a known shape, found f32[n]"},
      {"graph g() -> () { a: f32[2] = constant(gauss) }", "unknown filling 'gauss'"},
      {"graph g() -> () { a: f32[99999999999] = constant(fill) }", "too large"},
      {"graph g() -> () { a: f32[2] = [1, 2] a: f32[1] = [1] }", "value 'a' is defined twice"},
      {"graph g(x: f32[2]) -> (x) { a = Relu(x) {k=1, k=2} }", "attribute 'k' is given twice"},
      {"graph g(x: f32[2]) -> (x) { a = Relu(x) {k=hello} }", "strings need quotes"},
      {"graph g(x: f32[2]) -> (x) { a = Relu(x) {k=\"open} }", "a string is not closed"},
      {"graph g(x: f32[n] @ s8(axis=0, scale=[1])) -> (x) {}", "needs a known shape"},
      {"graph g(x: f32[2] @ f32(scale=1)) -> (x) {}", "codes must be of an integer type"},
      {"graph g(x: f32[2] @ u8(zp=1e30)) -> (x) {}", "number out of range"},
      {"graph g() -> () { } more", "expected nothing after the graph"},
      {"graph g(x: f32[2]) -> (x) { x = Relu(x) }", "which already comes from the graph's inputs"},
  };
  for (const BadText& c : cases) {
    try {
      parse_graph(c.text);
      ADD_FAILURE() << "accepted: " << c.text;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kMalformed);
      EXPECT_NE(std::string(e.what()).find(c.message), std::string::npos) << c.text << "\n" << e.what();
    }
  }
}

TEST(TextForm, SubgraphDepthIsLimited) {
  std::string text = "x = Foo(y)";
  for (int i = 0; i < 40; ++i) text = "x = If(y) {b=graph() -> (x) { " + text + " }}";
  try {
    parse_graph("graph g(y: f32[1]) -> (x) { " + text + " }");
    ADD_FAILURE() << "accepted";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("nested deeper than 16"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace precis
