// Packed weights are shared by the plans of a program, whose nodes differ where a branch of an If or a weight
// depends on the shapes of the inputs: every plan computes with its own.
#include <gtest/gtest.h>

#include "precis/graph/text.h"
#include "tests/runtime/run_both.h"
#include "tests/support/tensor_compare.h"

namespace precis::test {
namespace {

// One program runs inputs whose dimension 0 is 1 and 2, in both orders and then once more.
void expect_own_weights(const std::string& text) {
  const Graph g = parse_graph(text);
  runtime::ProgramOptions reference;
  reference.engine = runtime::Engine::kReference;
  runtime::Session slow(runtime::Program::compile(g, reference), 1);
  for (int64_t first : {1, 2}) {
    runtime::Session fast(runtime::Program::compile(g), 1);
    for (int64_t length : {first, 3 - first, first}) {
      const std::vector<Tensor> inputs = random_inputs(g, 5, length);
      const std::vector<Tensor> got = fast.run(inputs), want = slow.run(inputs);
      ASSERT_EQ(got.size(), want.size());
      for (size_t i = 0; i < got.size(); ++i)
        EXPECT_TRUE(tensors_close(got[i], want[i], {.absolute = 1e-4}))
            << text << " length " << length << ", first " << first;
    }
  }
}

// `branch`, with values that end in # made of other numbers in each branch, where dimension 0 of x is 1 and
// is not.
std::string by_length(const std::string& x, const std::string& branch) {
  const auto with = [&](const std::string& name, const std::string& seed) {
    std::string body = branch;
    for (size_t at = body.find('#'); at != std::string::npos; at = body.find('#')) body.replace(at, 1, seed);
    return name + "=graph " + name + "() -> (r) {\n" + body + "\n}";
  };
  return "graph g(x: " + x + ") -> (y) {\n zero: i64[] = 0\n one: i64[] = 1\n s = Shape(x)\n" +
         " n = Gather(s, zero)\n c = Equal(n, one)\n y = If(c) {" + with("then_branch", "3") + ", " +
         with("else_branch", "7") + "}\n}";
}

TEST(SharedWeights, EveryBranchHasItsOwn) {
  expect_own_weights(by_length("f32[n,8,6,6]",
                               "w: f32[8,8,3,3] = constant(normal, seed=#, scale=0.2)\n"
                               "r = Conv(x, w) {pads=[1,1,1,1]}"));
  expect_own_weights(by_length("f32[n,8,6,6]",
                               "w: f32[8,8,3,3] = constant(normal, seed=1, scale=0.2)\n"
                               "f: f32[1,8,1,1] = constant(normal, seed=#, scale=1)\n"
                               "a = Conv(x, w) {pads=[1,1,1,1]}\nr = Mul(a, f)"));
  expect_own_weights(
      by_length("f32[n,16]", "w: f32[16,16] = constant(normal, seed=#, scale=0.2)\nr = MatMul(x, w)"));
}

// The same numbers packed by another rule.
TEST(SharedWeights, EveryBranchPacksItsOwnWay) {
  std::string text = by_length(
      "f32[n,16]", "w: f32[16,16] = constant(normal, seed=1, scale=0.2)\nr = Gemm(x, w) {transB=#}");
  text.replace(text.find("transB=3"), 8, "transB=0").replace(text.find("transB=7"), 8, "transB=1");
  expect_own_weights(text);
}

TEST(SharedWeights, RecurrentBranches) {
  for (const auto& [op, rows] : {std::pair<std::string, std::string>{"GRU", "48"}, {"LSTM", "64"}})
    for (const std::string& seeds : {std::string("#11"), std::string("1#1"), std::string("11#")})
      expect_own_weights(by_length(
          "f32[n,2,8]", "w: f32[1," + rows + ",8] = constant(normal, seed=" + seeds[0] +
                            ", scale=0.2)\nu: f32[1," + rows + ",16] = constant(normal, seed=" + seeds[1] +
                            ", scale=0.2)\nb: f32[1," + (rows == "48" ? "96" : "128") +
                            "] = constant(normal, seed=" + seeds[2] + ", scale=0.2)\nr = " + op +
                            "(x, w, u, b)"));
}

TEST(SharedWeights, CodesInBranches) {
  const std::string x = "f32[n,8,6,6] @ u8(scale=0.02, zp=121)";
  expect_own_weights(
      by_length(x,
                "w: f32[8,8,3,3] @ i8(scale=0.01) = constant(uniform, seed=#, lo=-127, hi=127)\n"
                "r = Conv(x, w)"));
  expect_own_weights(
      by_length(x,
                "w: f32[8,8,3,3] @ i8(scale=0.0#) = constant(uniform, seed=1, lo=-127, hi=127)\n"
                "r = Conv(x, w)"));
  expect_own_weights(
      by_length(x,
                "w: f32[8,8,3,3] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)\n"
                "b: f32[8] = constant(normal, seed=#, scale=1)\nr = Conv(x, w, b)"));
  expect_own_weights(
      by_length(x,
                "w: f32[8,1,3,3] @ i8(scale=0.01) = constant(uniform, seed=#, lo=-127, hi=127)\n"
                "r = Conv(x, w) {group=8}"));
}

TEST(SharedWeights, CodesFoundAtRunTimeInBranches) {
  expect_own_weights(
      by_length("f32[n,16]",
                "w: i8[16,16] = constant(uniform, seed=#, lo=-127, hi=127)\nz: i8[] = 0\n"
                "q, s, d = DynamicQuantizeLinear(x)\nf: f32[] = 0.0#\n"
                "i = MatMulInteger(q, w, d, z)\nk = Cast(i) {to=1}\nm = Mul(s, f)\nr = Mul(k, m)"));
}

TEST(SharedWeights, WeightsComputedFromShapes) {
  expect_own_weights(R"(graph g(x: f32[n,16]) -> (y) {
    w: f32[16,16] = constant(normal, seed=1, scale=0.2)
    zero: i64[] = 0
    s = Shape(x)
    n = Gather(s, zero)
    f = Cast(n) {to=1}
    v = Mul(w, f)
    y = MatMul(x, v)
  })");
}

}  // namespace
}  // namespace precis::test
