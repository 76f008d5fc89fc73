// Transpositions merged, moved and cancelled; never more of them than before.
#include <algorithm>

#include "pass_harness.h"
#include "precis/graph/text.h"
#include "precis/runtime/reference_engine.h"
#include "tests/support/tensor_compare.h"

namespace precis::test {
namespace {

constexpr const char* kPass = "cancel_transposes";

std::string graph(const std::string& statements, const std::string& outputs = "y") {
  return "graph g(x: f32[2,3,4,5], z: f32[2,4,5,3]) -> (" + outputs +
         ") { row: f32[3] = [1, 2, 3] one: f32[] = [0.5] axis: i64[1] = [3] spatial: i64[2] = [1, 2] pads: "
         "i64[8] = [0, 1, 2, 0, 0, 0, 1, 3] "
         "first: i64[1] = [1] third: i64[1] = [3] scale: f32[3] = [0.1, 0.2, 0.3] zero: u8[3] = [3, 4, 5] " +
         statements + " }";
}
const std::string kLast = "t = Transpose(x) {perm=[0,2,3,1]} ", kFirst = " y = Transpose(r) {perm=[0,3,1,2]}";

// The number of transpositions left, with the same outputs as before.
size_t left(const std::string& text) {
  SCOPED_TRACE(text);
  Model m = model_of(text);
  const std::vector<Tensor> inputs = {random_tensor({2, 3, 4, 5}, 1), random_tensor({2, 4, 5, 3}, 2)};
  const auto want = runtime::run_reference(m.graph, inputs);
  run_pass(m, kPass);
  const auto got = runtime::run_reference(m.graph, inputs);
  for (size_t i = 0; i < want.size(); ++i)
    EXPECT_TRUE(tensors_close(got[i], want[i], {.absolute = 1e-6, .relative = 1e-6})) << print_graph(m.graph);
  const auto order = m.graph.order();
  return static_cast<size_t>(
      std::count_if(order.begin(), order.end(), [&](NodeId id) { return m.graph.node(id).is("Transpose"); }));
}

TEST(CancelTransposes, PairsMerge) {
  expect_rewrite(
      kPass,
      "graph g(x: f32[2,3,4]) -> (y) { a = Transpose(x) {perm=[1,0,2]} y = Transpose(a) {perm=[2,0,1]} }",
      "graph g(x: f32[2,3,4]) -> (y) { y = Transpose(x) {perm=[2,1,0]} }");
  expect_rewrite(kPass,
                 "graph g(x: f32[2,3,4]) -> (y) { r = Relu(x) a = Transpose(r) b = Transpose(a) y = Neg(b) }",
                 "graph g(x: f32[2,3,4]) -> (y) { r = Relu(x) y = Neg(r) }");
  // the first has another reader and stays
  EXPECT_EQ(
      left(graph("a = Transpose(x) {perm=[1,0,2,3]} n = Neg(a) y = Transpose(a) {perm=[1,0,2,3]}", "n, y")),
      1u);
}

TEST(CancelTransposes, ThroughWhatDoesNotCare) {
  for (const char* form : {
           "r = Relu(t)",
           "r = Mul(t, one)",
           "r = Add(t, row)",
           "r = Sub(row, t)",
           "a = Sigmoid(t) r = Mul(t, a)",
           "r = Concat(t, t) {axis=3}",
           "r = Softmax(t)",
           "r = Softmax(t) {axis=1}",
           "r = ReduceMean(t, axis)",
           "r = ReduceMax(t, spatial)",
           "r = Pad(t, pads)",
           "r = Slice(t, first, third, axis)",
           "r, s = Split(t) {axis=2, num_outputs=2}",
           "r = Clip(t, one)",
           "q = QuantizeLinear(t, scale, zero) {axis=3} r = DequantizeLinear(q, scale, zero) {axis=3}",
       })
    EXPECT_EQ(left(graph(kLast + form + kFirst)), 0u) << form;
}

TEST(CancelTransposes, SeveralWaysInAndOut) {
  const std::string two = kLast + "w = Exp(x) u = Transpose(w) {perm=[0,2,3,1]} ";
  EXPECT_EQ(left(graph(two + "r = Add(t, u)" + kFirst)), 0u);
  // two in, one stays behind for an output
  EXPECT_EQ(left(graph(two + "y = Add(t, u)")), 1u);
  EXPECT_EQ(left(graph(kLast + "r = Relu(t)" + kFirst, "y, r")), 1u);
  EXPECT_EQ(left(graph(kLast + "r = Relu(t) s = Flatten(r)" + kFirst, "y, s")), 1u);
}

TEST(CancelTransposes, WhatQuantizesIsMoreThanATransposition) {
  for (const char* form : {
           "a: f32[3,2] @ u8(scale=0.1, zp=100) = Transpose(x) y = Transpose(a)",
           "r = Relu(x) a: f32[3,2] @ u8(scale=0.1, zp=0) = Transpose(r) y = Transpose(a)",
           "a = Transpose(x) b: f32[2,3] @ u8(scale=0.1, zp=100) = Transpose(a) y = Relu(b)",
           "q: f32[2,3] @ u8(scale=0.1, zp=100) = Relu(x) a: f32[3,2] @ u8(scale=0.3, zp=9) = Transpose(q) "
           "b: f32[2,3] @ u8(scale=0.3, zp=9) = Transpose(a) y = Neg(b)",
           "a: f32[3,2] @ u8(scale=0.1, zp=100) = Transpose(x) b = Relu(a) y = Transpose(b)",
       })
    expect_kept(kPass, std::string("graph g(x: f32[2,3]) -> (y) { ") + form + " }");
  // The codes move, and nothing else happens to them.
  expect_rewrite(
      kPass,
      "graph g(x: f32[2,3]) -> (y) { q: f32[2,3] @ u8(scale=0.1, zp=100) = Relu(x) a: f32[3,2] @ "
      "u8(scale=0.1, zp=100) = Transpose(q) b = Transpose(a) {perm=[0,1]} y = Transpose(b) }",
      "graph g(x: f32[2,3]) -> (y) { q: f32[2,3] @ u8(scale=0.1, zp=100) = Relu(x) y = Identity(q) }");
}

TEST(CancelTransposes, ARegionThatOneLeavesByQuantizing) {
  const std::string back = " = Transpose(r) {perm=[0,3,1,2]} ";
  EXPECT_EQ(
      left(graph(kLast + "r = Relu(t) q: f32[2,3,4,5] @ u8(scale=0.1, zp=100)" + back + "y = Neg(q) v" + back,
                 "y, v")),
      2u);
}

TEST(CancelTransposes, NothingIsGained) {
  expect_unchanged(kPass, graph(kLast + "y = Relu(t)"));
  expect_unchanged(kPass, graph(kLast + "r = Add(t, z)" + kFirst));         // other data in the wrong order
  expect_unchanged(kPass, graph(kLast + "r = CumSum(t, first)" + kFirst));  // not known here
  expect_unchanged(kPass, graph(kLast + "f = Flatten(t) y = Relu(f)"));
  expect_unchanged(kPass,
                   graph(kLast + "r = Relu(t) y = Transpose(r) {perm=[3,2,1,0]} v = Flatten(r)", "y, v, t"));
}

}  // namespace
}  // namespace precis::test
