// RNN, GRU, LSTM: inferred types, what is refused, and the activations with their factors.
#include <gtest/gtest.h>

#include "precis/graph/macs.h"
#include "precis/graph/recurrent.h"
#include "tests/graph/infer_support.h"

namespace precis {
namespace {

constexpr const char* kLstm = "x: f32[S,B,3], w: f32[1,8,3], r: f32[1,8,2]";
constexpr const char* kGru = "x: f32[5,B,3], w: f32[2,6,3], r: f32[2,6,2]";

TEST(RecurrentOps, InferTypes) {
  EXPECT_EQ(inferred_op(kLstm, "y = LSTM(x, w, r) {hidden_size=2}"), "f32[S,1,B,2]");
  EXPECT_EQ(inferred_op(kLstm, "a, y = LSTM(x, w, r)"), "f32[1,B,2]");
  EXPECT_EQ(inferred_op(kLstm, "_, _, y = LSTM(x, w, r)"), "f32[1,B,2]");
  EXPECT_EQ(inferred_op(kLstm, "y = LSTM(x, w, r) {layout=1}"), "f32[S,B,1,2]");
  EXPECT_EQ(inferred_op(kLstm, "_, y = LSTM(x, w, r) {layout=1}"), "f32[S,1,2]");
  EXPECT_EQ(inferred_op(kGru, "y = GRU(x, w, r) {direction=\"bidirectional\"}"), "f32[5,2,B,2]");
  EXPECT_EQ(inferred_op("x: f16[5,4,3], w: f16[1,2,3], r: f16[1,2,2]", "y = RNN(x, w, r)"), "f16[5,1,4,2]");
  EXPECT_EQ(inferred_op("x: f32[...], w: f32[...], r: f32[...]", "y = RNN(x, w, r)"), "f32[?,1,?,?]");
}

TEST(RecurrentOps, CountsBothProducts) {
  Graph g = parse_graph("graph g(x: f32[5,4,3], w: f32[1,8,3], r: f32[1,8,2]) -> (y) { y = LSTM(x, w, r) }");
  infer_types(g);
  EXPECT_EQ(node_macs(g, g.order()[0]), 5 * 4 * (8 * 3 + 8 * 2));
}

struct Refused {
  const char* inputs;
  const char* statement;
  const char* message;
};

TEST(RecurrentOps, RefuseBadAttributesAndShapes) {
  const Refused cases[] = {
      {kLstm, "y = LSTM(x, w, r) {direction=\"both\"}",
       "attribute 'direction' is 'both', expected one of forward"},
      {kLstm, "y = LSTM(x, w, r) {hidden_size=0}", "attribute 'hidden_size' is 0, expected at least 1"},
      {kLstm, "y = LSTM(x, w, r) {hidden_size=3}", "W (input 1) has shape [1,8,3], expected [1,12,3]"},
      {kLstm, "y = LSTM(x, w, r) {direction=\"bidirectional\"}",
       "W (input 1) has shape [1,8,3], expected [2,8,3]"},
      {kLstm, "y = LSTM(x, w, r) {layout=2}", "attribute 'layout' is 2, expected 0 or 1"},
      {kLstm, "y = LSTM(x, w, r) {clip=-1.0}", "attribute 'clip' is -1"},
      {kLstm, "y = LSTM(x, w, r) {activations=[\"Tanh\"]}",
       "attribute 'activations' has 1 names, expected 3"},
      {kLstm, "y = LSTM(x, w, r) {activations=[\"Tanh\",\"Tanh\",\"Sine\"]}",
       "holds 'Sine', which is no activation"},
      {kGru, "y = GRU(x, w, r) {direction=\"bidirectional\", linear_before_reset=2}",
       "attribute 'linear_before_reset' is 2"},
      {"x: f32[5,4], w: f32[1,8,3], r: f32[1,8,2]", "y = LSTM(x, w, r)", "of rank 2, expected rank 3"},
      {"x: f32[5,4,3], w: f32[1,8,3], r: f32[1,7,2]", "y = LSTM(x, w, r)",
       "R (input 2) has shape [1,7,2], expected [1,8,2]"},
      {"x: f32[5,4,3], w: f32[1,8,3], r: f32[1,8,2], b: f32[1,8]", "y = LSTM(x, w, r, b)",
       "B (input 3) has shape [1,8], expected [1,16]"},
      {"x: f32[5,4,3], w: f32[1,8,3], r: f32[1,8,2], h: f32[4,1,2]", "y = LSTM(x, w, r, _, _, h)",
       "initial_h (input 5) has shape [4,1,2], expected [1,4,2]"},
      {"x: f32[5,4,3], w: f32[1,8,3], r: f32[1,8,2], p: f32[1,4]", "y = LSTM(x, w, r, _, _, _, _, p)",
       "P (input 7) has shape [1,4], expected [1,6]"},
      {"x: f32[5,2,3], w: f32[1,8,3], r: f32[1,8,2]", "n: i32[2] = [5, 6] y = LSTM(x, w, r, _, n)",
       "sequence_lens (input 4) holds 6, expected 0 to the 5 steps"},
      {"x: f32[5,4,3], w: f64[1,8,3], r: f32[1,8,2]", "y = LSTM(x, w, r)", "element types f32 and f64"},
  };
  for (const Refused& c : cases) {
    const std::string text = "graph g(" + std::string(c.inputs) + ") -> (y) { " + c.statement + " }";
    EXPECT_NE(infer_error(text).find(c.message), std::string::npos)
        << c.statement << ": " << infer_error(text);
  }
}

// Only activations that take a factor use one up.
TEST(RecurrentOps, HandOutFactorsInOrder) {
  Node n;
  n.op = "GRU";
  n.attributes["activations"] = std::vector<std::string>{"Sigmoid", "LeakyRelu", "HARDSIGMOID", "Elu"};
  n.attributes["activation_alpha"] = std::vector<float>{0.5f, 0.25f};
  n.attributes["activation_beta"] = std::vector<float>{0.75f};
  n.attributes["direction"] = std::string("bidirectional");
  const RecurrentSpec spec = read_recurrent(n, "node");
  ASSERT_EQ(spec.activations.size(), 2u);
  EXPECT_EQ(spec.activations[0][1], (GateActivation{"leakyrelu", 0.5f, 0}));
  EXPECT_EQ(spec.activations[1][0], (GateActivation{"hardsigmoid", 0.25f, 0.75f}));
  EXPECT_EQ(spec.activations[1][1], (GateActivation{"elu", 1, 0}));
  EXPECT_FALSE(spec.reversed(0));
  EXPECT_TRUE(spec.reversed(1));
}

}  // namespace
}  // namespace precis
