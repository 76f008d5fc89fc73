// Quantization at run time in plans: chains of DynamicQuantizeLinear, integer product and scales are one step
// each and give the very numbers of the operators one by one.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "precis/core/isa.h"
#include "precis/graph/text.h"
#include "precis/kernels/simd/int8.h"
#include "precis/runtime/reference_engine.h"
#include "precis/runtime/session.h"
#include "tests/runtime/run_both.h"

namespace precis::test {
namespace {

bool has_fast_form() { return kernels::simd::kernels_for(current_isa()) != nullptr; }

const std::string kQuantize = "q, s, z = DynamicQuantizeLinear(x)\n";
std::string product(const std::string& weights, const std::string& zero, const std::string& rest) {
  return "graph net(x: f32[5,19]) -> (y) {\n" + weights + "\n" + kQuantize + "acc = MatMulInteger(q, w, z" +
         (zero.empty() ? "" : ", " + zero) + ")\nreal = Cast(acc) {to=1}\n" + rest + "\n}";
}
const std::string kS8 = "w: i8[19,37] = constant(uniform, seed=1, lo=-128, hi=127)";
const std::string kU8 = "w: u8[19,37] = constant(uniform, seed=1, lo=0, hi=255)";
const std::string kColumns = "sw: f32[37] = constant(normal, seed=2, scale=0.01)";
const std::string kBias = "b: f32[37] = constant(normal, seed=3)";

// Bit for bit.
void expect_same_numbers(const std::string& text, uint64_t seed = 1) {
  const Graph graph = parse_graph(text);
  const auto inputs = random_inputs(graph, seed);
  const auto want = runtime::run_reference(graph, inputs);
  const auto program = runtime::Program::compile(graph);
  for (const int threads : {1, 2}) {
    const auto got = runtime::Session(program, threads).run(inputs);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].shape(), want[i].shape());
      EXPECT_EQ(std::memcmp(got[i].bytes(), want[i].bytes(), static_cast<size_t>(want[i].nbytes())), 0)
          << text << "output " << i << ", " << threads << " threads";
    }
  }
}

TEST(Dynamic, ProductsAreExact) {
  const std::string scaled = "m = Mul(s, sw)\nr = Mul(real, m)";
  expect_same_numbers(product(kS8 + "\n" + kColumns, "", scaled + "\ny = Identity(r)"));
  expect_same_numbers(product(kS8 + "\n" + kColumns + "\n" + kBias, "", scaled + "\ny = Add(b, r)"));
  expect_same_numbers(
      product(kU8 + "\n" + kColumns + "\nzw: u8[37] = constant(uniform, seed=5, lo=0, hi=255)\n" + kBias,
              "zw", scaled + "\nd = Add(r, b)\ny = Relu(d)"));
  expect_same_numbers(
      product(kU8 + "\nsw: f32[] = 0.01\nzw: u8[] = 117\n" + kBias, "zw",
              scaled + "\nd = Add(r, b)\nlo: f32[] = -0.5\nhi: f32[] = 0.75\ny = Clip(d, lo, hi)"));
}

TEST(Dynamic, ConvolutionsAreExact) {
  const auto conv = [](const std::string& w, const std::string& attributes) {
    return "graph net(x: f32[2,8,9,7]) -> (y) {\n" + w + "\n" + kQuantize + "acc = ConvInteger(q, w, z) {" +
           attributes + "}\nreal = Cast(acc) {to=1}\nsw: f32[] = 0.01\nm = Mul(s, sw)\nr = Mul(real, m)\n" +
           "b: f32[1,16,1,1] = constant(normal, seed=3)\ny = Add(r, b)\n}";
  };
  expect_same_numbers(conv("w: i8[16,8,3,3] = constant(uniform, seed=1, lo=-128, hi=127)", "pads=[1,1,1,1]"));
  expect_same_numbers(conv("w: i8[16,4,3,3] = constant(uniform, seed=1, lo=-128, hi=127)",
                           "pads=[1,0,1,0], strides=[2,2], group=2"));
  expect_same_numbers(conv("w: u8[16,8,1,1] = constant(uniform, seed=1, lo=0, hi=255)", ""));
  expect_same_numbers(
      "graph net(x: f32[1,16,9,7]) -> (y) {\nw: i8[16,1,3,3] = constant(uniform, seed=1, lo=-128, hi=127)\n" +
      kQuantize +
      "acc = ConvInteger(q, w, z) {group=16, pads=[1,1,1,1]}\nreal = Cast(acc) {to=1}\nsw: f32[] = 0.01\n" +
      "m = Mul(s, sw)\nr = Mul(real, m)\nb: f32[16,1,1] = constant(normal, seed=3)\ny = Add(r, b)\n}");
}

TEST(Dynamic, ValuesThatOthersReadStay) {
  expect_same_numbers(
      "graph net(x: f32[5,19]) -> (y, real, s) {\n" + kS8 + "\n" + kColumns + "\n" + kQuantize +
      "acc = MatMulInteger(q, w, z)\nreal = Cast(acc) {to=1}\nm = Mul(s, sw)\ny = Mul(real, m)\n}");
  // Two products of the same codes, a factor that both share.
  expect_same_numbers("graph net(x: f32[5,19]) -> (y, u) {\n" + kS8 + "\n" + kColumns + "\n" + kQuantize +
                      "m = Mul(s, sw)\na1 = MatMulInteger(q, w, z)\nr1 = Cast(a1) {to=1}\ny = Mul(r1, m)\n" +
                      "a2 = MatMulInteger(q, w)\nr2 = Cast(a2) {to=1}\nu = Mul(m, r2)\n}");
}

TEST(Dynamic, ConstantAndNotANumberInputs) {
  const Graph g = parse_graph(product(kS8 + "\n" + kColumns, "", "m = Mul(s, sw)\ny = Mul(real, m)"));
  Tensor zeros(DType::kF32, {5, 19}), nan = zeros.clone();
  nan.data<float>()[3] = std::numeric_limits<float>::quiet_NaN();
  nan.data<float>()[4] = -2;
  runtime::Session session(runtime::Program::compile(g), 1);
  for (const Tensor& x : {zeros, nan}) {
    const auto want = runtime::run_reference(g, std::vector<Tensor>{x}),
               got = session.run(std::vector<Tensor>{x});
    EXPECT_EQ(std::memcmp(got[0].bytes(), want[0].bytes(), static_cast<size_t>(want[0].nbytes())), 0);
  }
}

TEST(Dynamic, StepsOfThePlan) {
  if (!has_fast_form())
    GTEST_SKIP() << "products of codes need AVX2, this runs as " << isa_name(current_isa());
  const auto steps =
      step_names(parse_graph(product(kS8 + "\n" + kColumns + "\n" + kBias, "",
                                     "m = Mul(s, sw)\nr = Mul(real, m)\nd = Add(r, b)\ny = Relu(d)")));
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].rfind("DynamicQuantizeLinear(", 0), 0u) << steps[0];
  EXPECT_EQ(steps[1].rfind("MatMulInteger+Mul+Cast+Mul+Add+Relu(", 0), 0u) << steps[1];
}

}  // namespace
}  // namespace precis::test
