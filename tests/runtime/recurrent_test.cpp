// Recurrent networks in plans: the fast form against the reference engine, what is left to the reference, and
// lengths that do not fit.
#include <gtest/gtest.h>

#include <cstring>

#include "precis/core/error.h"
#include "precis/core/isa.h"
#include "precis/graph/text.h"
#include "precis/kernels/simd/recurrent.h"
#include "tests/runtime/run_both.h"

namespace precis::test {
namespace {

bool has_fast_form() { return kernels::simd::recurrent_kernels_for(current_isa()) != nullptr; }

std::string network(const std::string& op, int gates, const std::string& inputs, const std::string& outputs,
                    const std::string& attributes, int directions = 1, const std::string& x = "f32[6,3,10]") {
  const std::string d = std::to_string(directions), rows = std::to_string(gates * 37);
  return "graph net(x: " + x + ", h: f32[" + d + ",3,37], c: f32[" + d + ",3,37]) -> (" + outputs + ") {\n" +
         "w: f32[" + d + "," + rows + ",10] = constant(normal, seed=1, scale=0.2)\n" + "r: f32[" + d + "," +
         rows + ",37] = constant(normal, seed=2, scale=0.2)\n" + "b: f32[" + d + "," +
         std::to_string(gates * 74) + "] = constant(normal, seed=3, scale=0.2)\n" + "p: f32[" + d +
         ",111] = constant(normal, seed=4, scale=0.2)\n" + "n: i32[3] = [6, 1, 4]\n" + outputs + " = " + op +
         "(" + inputs + ") {" + attributes + "}\n}";
}

const std::string kBoth = "direction=\"bidirectional\"";

TEST(Recurrent, FastFormsAgreeWithTheReference) {
  expect_engines_agree(network("LSTM", 4, "x, w, r, b", "y, yh, yc", "hidden_size=37"));
  expect_engines_agree(network("LSTM", 4, "x, w, r, b, n, h, c, p", "y, yh, yc", kBoth, 2));
  expect_engines_agree(
      network("LSTM", 4, "x, w, r, _, n, _, c", "y, yh, yc", "direction=\"reverse\", clip=0.5"));
  expect_engines_agree(network("GRU", 3, "x, w, r, b, n, h", "y, yh", "linear_before_reset=1, " + kBoth, 2));
  expect_engines_agree(network("GRU", 3, "x, w, r, b, _, h", "y, yh", "direction=\"reverse\""));
  expect_engines_agree(network("GRU", 3, "x, w, r", "y, yh", "linear_before_reset=1"));
  expect_engines_agree(network("RNN", 1, "x, w, r, b, n", "y, yh", kBoth, 2));
  expect_engines_agree(
      network("RNN", 1, "x, w, r, b", "y, yh", "activations=[\"HardSigmoid\"], activation_alpha=[0.3]"));
  expect_engines_agree(
      network("LSTM", 4, "x, w, r, b, n", "y, yh, yc", "layout=1, " + kBoth, 2, "f32[3,6,10]"));
}

// Of one sample in one direction, threads share the units of every step: the same bits as by one thread.
TEST(Recurrent, SharedStepsGiveTheSameBits) {
  const auto lone = [](const std::string& op, int gates, int hidden, const std::string& outputs,
                       const std::string& more) {
    const std::string rows = std::to_string(gates * hidden);
    return "graph net(x: f32[9,1,10]) -> (" + outputs + ") { w: f32[1," + rows +
           ",10] = constant(normal, seed=1, scale=0.2) r: f32[1," + rows + "," + std::to_string(hidden) +
           "] = constant(normal, seed=2, scale=0.05) n: i32[1] = [7] " + outputs + " = " + op +
           "(x, w, r, _, n) {" + more + "}}";
  };
  for (const std::string& text : {lone("LSTM", 4, 197, "y, yh, yc", "direction=\"reverse\""),
                                  lone("GRU", 3, 197, "y, yh", "linear_before_reset=1"),
                                  lone("GRU", 3, 197, "y, yh", ""), lone("RNN", 1, 350, "y, yh", "")}) {
    const Graph g = parse_graph(text);
    const std::vector<Tensor> inputs = random_inputs(g);
    const auto program = runtime::Program::compile(g);
    const std::vector<Tensor> one = runtime::Session(program, 1).run(inputs);
    for (int threads : {2, 3, 5}) {
      const std::vector<Tensor> many = runtime::Session(program, threads).run(inputs);
      for (size_t i = 0; i < one.size(); ++i)
        EXPECT_EQ(0, std::memcmp(one[i].bytes(), many[i].bytes(), static_cast<size_t>(one[i].nbytes())))
            << text << " output " << i << " with " << threads << " threads";
    }
    expect_engines_agree(g, inputs);
  }
}

std::string code_network(const std::string& codes, const std::string& low, const std::string& grids,
                         const std::string& inputs, const std::string& attributes, int directions) {
  const std::string d = std::to_string(directions);
  return "graph net(x: f32[6,3,10], h: f32[" + d + ",3,37], c: f32[" + d + ",3,37]) -> (y, yh, yc) {\n" +
         "w: " + codes + "[" + d + ",10,148] = constant(uniform, seed=1, lo=" + low + ", hi=127)\n" +
         "r: " + codes + "[" + d + ",37,148] = constant(uniform, seed=2, lo=" + low + ", hi=127)\n" +
         "b: f32[" + d + ",296] = constant(normal, seed=3, scale=0.2)\n" + "p: f32[" + d +
         ",111] = constant(normal, seed=4, scale=0.2)\nn: i32[3] = [6, 1, 4]\n" + grids +
         "\ny, yh, yc = com.microsoft::DynamicQuantizeLSTM(" + inputs + ", s, z, s, z) {" + attributes +
         "}\n}";
}

TEST(Recurrent, CodesAgreeWithTheReference) {
  const std::string one = "s: f32[1] = [0.004]\nz: i8[1] = [3]",
                    two = "s: f32[2] = [0.004, 0.003]\nz: u8[2] = [60, 70]";
  expect_engines_agree(code_network("i8", "-127", one, "x, w, r, b, _, _, _, _", "hidden_size=37", 1));
  expect_engines_agree(code_network("u8", "0", two, "x, w, r, b, n, h, c, p", "hidden_size=37, " + kBoth, 2));
  expect_engines_agree(code_network(
      "i8", "-127",
      "s: f32[1,148] = constant(uniform, seed=5, lo=0.002, hi=0.004)\nz: i8[1,148] = constant(fill, value=0)",
      "x, w, r, _, _, h, _, _", "hidden_size=37, direction=\"reverse\"", 1));
  if (!has_fast_form()) return;
  EXPECT_EQ(
      step_names(parse_graph(code_network("i8", "-127", one, "x, w, r, b, _, _, _, _", "hidden_size=37", 1)))
          .size(),
      2u);
}

TEST(Recurrent, OmittedOutputs) {
  const auto only = [](const std::string& outputs, const std::string& kept) {
    return "graph net(x: f32[6,1,3]) -> (" + kept +
           ") { w: f32[1,20,3] = constant(normal, seed=1, scale=0.2) " +
           "r: f32[1,20,5] = constant(normal, seed=2, scale=0.2) " + outputs + " = LSTM(x, w, r) }";
  };
  expect_engines_agree(only("_, yh", "yh"));
  expect_engines_agree(only("_, _, yc", "yc"));
  expect_engines_agree(only("y", "y"));
}

TEST(Recurrent, StepsOfThePlan) {
  if (!has_fast_form())
    GTEST_SKIP() << "recurrent kernels need AVX2, this runs as " << isa_name(current_isa());
  const auto fast = step_names(parse_graph(network("LSTM", 4, "x, w, r, b", "y, yh, yc", "hidden_size=37")));
  EXPECT_EQ(fast.size(), 2u);
  const auto other = step_names(parse_graph(
      network("LSTM", 4, "x, w, r, b", "y, yh, yc", "activations=[\"Elu\", \"Tanh\", \"Tanh\"]")));
  EXPECT_EQ(other, std::vector<std::string>{"LSTM(reference)"});
}

TEST(Recurrent, LengthsBeyondTheInputAreRefused) {
  const Graph g = parse_graph(
      "graph net(x: f32[6,2,3], n: i32[2]) -> (y) { w: f32[1,20,3] = constant(normal, seed=1, scale=0.2) "
      "r: f32[1,20,5] = constant(normal, seed=2, scale=0.2) y = LSTM(x, w, r, _, n) }");
  runtime::Session session(runtime::Program::compile(g), 1);
  const Tensor x(DType::kF32, {6, 2, 3});
  for (const int32_t length : {7, -1}) {
    const std::vector<Tensor> inputs{x, Tensor::from<int32_t>(Shape{2}, {6, length})};
    try {
      session.run(inputs);
      ADD_FAILURE() << "accepted " << length;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kMalformed);
      EXPECT_NE(std::string(e.what()).find("sequence_lens holds " + std::to_string(length)),
                std::string::npos)
          << e.what();
    }
  }
}

}  // namespace
}  // namespace precis::test
