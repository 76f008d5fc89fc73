// What plans look like: layouts that carry through, copies that are saved, memory that is shared.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "precis/graph/text.h"
#include "precis/runtime/session.h"
#include "tests/runtime/run_both.h"

namespace precis::runtime {
namespace {

using testing::HasSubstr;

PlanInfo plan_of(const std::string& text) {
  return Session(Program::compile(parse_graph(text)), 1).plan_info();
}

int count_ops(const PlanInfo& plan, const std::string& op) {
  int count = 0;
  for (const StepInfo& s : plan.steps) count += s.op == op;
  return count;
}

const char* const kFire = R"(
graph net(x: f32[1,16,9,9]) -> (y) {
  w1: f32[24,16,1,1] = constant(normal, seed=1, scale=0.1)
  w2: f32[40,16,3,3] = constant(normal, seed=2, scale=0.1)
  w3: f32[8,64,1,1] = constant(normal, seed=3, scale=0.1)
  s = Conv(x, w1)
  t = Conv(x, w2) {pads=[1,1,1,1]}
  a = Relu(s)
  b = Relu(t)
  c = Concat(a, b) {axis=1}
  p = MaxPool(c) {kernel_shape=[3,3], strides=[2,2]}
  y = Conv(p, w3)
})";

TEST(Plan, LayoutsCarryFromStepToStep) {
  const PlanInfo plan = plan_of(kFire);
  // One reorder of the input at most, one of the output.
  EXPECT_LE(count_ops(plan, "Reorder"), 2);
  test::expect_engines_agree(kFire);
}

// Numbers, and one value per channel, are applied in whatever layout the values have.
TEST(Plan, ArithmeticKeepsTheLayout) {
  for (const char* step : {"s = Mul(c, two)", "s = Div(c, two)", "s = Sub(c, two)", "s = Add(two, c)",
                           "g = GlobalAveragePool(c)\n  s = Mul(c, g)"}) {
    SCOPED_TRACE(step);
    const std::string text = std::string(R"(
graph net(x: f32[1,16,9,9]) -> (y) {
  w: f32[24,16,1,1] = constant(normal, seed=1, scale=0.1)
  v: f32[24,24,1,1] = constant(normal, seed=2, scale=0.1)
  two: f32[] = [2]
  t = Conv(x, w)
  c = Relu(t)
  )") + step + R"(
  d = Relu(s)
  y = Conv(d, v)
})";
    EXPECT_LE(count_ops(plan_of(text), "Reorder"), 2);
    test::expect_engines_agree(text);
  }
}

TEST(Plan, StepsTellTypesLayoutsAndWork) {
  const PlanInfo plan = plan_of(R"(
graph net(x: f32[1,16,8,8] @ u8(scale=0.5, zp=3)) -> (y) {
  w: f32[8,16,1,1] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)
  y: f32[1,8,8,8] @ u8(scale=0.25, zp=7) = Conv(x, w)
})");
  ASSERT_EQ(count_ops(plan, "Conv"), 1);
  for (const StepInfo& s : plan.steps) {
    EXPECT_TRUE(s.quantized);
    EXPECT_FALSE(s.float_fallback);
    if (s.op != "Conv") continue;
    EXPECT_EQ(s.inputs.at(0), "u8[1,16,8,8] nhwc @0.5+3");
    EXPECT_EQ(s.outputs.at(0), "u8[1,8,8,8] nhwc @0.25+7");
    EXPECT_EQ(s.macs, 8.0 * 16 * 64);
  }
}

// What no integer kernel computes runs as fast float between visible conversions, and what only the reference knows is said.
TEST(Plan, FloatOperatorsBetweenCodesAreSaid) {
  const PlanInfo plan = plan_of(R"(
graph net(x: f32[1,16] @ u8(scale=0.5, zp=3)) -> (y) {
  y: f32[1,16] @ u8(scale=0.00390625, zp=0) = Softmax(x)
})");
  ASSERT_EQ(plan.steps.size(), 3u);
  EXPECT_EQ(plan.steps[0].op, "Dequantize");
  EXPECT_THAT(plan.steps[1].kernel, HasSubstr("onednn"));
  EXPECT_FALSE(plan.steps[1].quantized);
  EXPECT_EQ(plan.steps[2].op, "Quantize");
}

TEST(Plan, FloatFallbacksAreSaid) {
  const PlanInfo plan = plan_of(R"(
graph net(x: f32[1,16] @ u8(scale=0.5, zp=3)) -> (y) {
  y: f32[1,16] @ u8(scale=0.00390625, zp=0) = Hardmax(x)
})");
  ASSERT_EQ(plan.steps.size(), 1u);
  EXPECT_TRUE(plan.steps[0].float_fallback);
  EXPECT_EQ(plan.steps[0].kernel, "reference");
}

// The change of layout is part of the step between reals and codes, and a Concat that everybody writes into is no step.
TEST(Plan, CodesTakeNoStepOfTheirOwnForLayouts) {
  const PlanInfo plan = plan_of(R"(
graph net(x: f32[1,3,9,9]) -> (y) {
  q: f32[1,3,9,9] @ u8(scale=0.02, zp=100) = precis::Quantize(x)
  w1: f32[16,3,1,1] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)
  w2: f32[16,3,3,3] @ i8(scale=0.01) = constant(uniform, seed=2, lo=-127, hi=127)
  a: f32[1,16,9,9] @ u8(scale=0.1, zp=100) = Conv(q, w1)
  b: f32[1,16,9,9] @ u8(scale=0.1, zp=100) = Conv(q, w2) {pads=[1,1,1,1]}
  c: f32[1,32,9,9] @ u8(scale=0.1, zp=100) = Concat(a, b) {axis=1}
  p: f32[1,32,4,4] @ u8(scale=0.1, zp=100) = MaxPool(c) {kernel_shape=[2,2], strides=[2,2]}
  y = precis::Dequantize(p)
})");
  std::vector<std::string> ops;
  for (const StepInfo& s : plan.steps) ops.push_back(s.op);
  EXPECT_THAT(ops, testing::ElementsAre("Quantize", "Conv", "Conv", "MaxPool", "Dequantize"));
}

TEST(Plan, SoftmaxOfManyPairs) {
  const std::string text = R"(
graph net(x: f32[1,700,2]) -> (y) {
  scale: f32[] = [30]
  s = Mul(x, scale)
  y = Softmax(s) {axis=2}
})";
  EXPECT_EQ(plan_of(text).steps.size(), 3u);
  test::expect_engines_agree(text);
}

// A value of one column stays in the layout of the images around it.
TEST(Plan, ChangesOfShapeThatKeepThePixels) {
  const std::string text = R"(
graph net(x: f32[2,40,16]) -> (y) {
  w: f32[24,16,5,1] = constant(normal, seed=1, scale=0.1)
  v: f32[8,24,3] = constant(normal, seed=2, scale=0.1)
  split: i64[4] = [2,40,16,1]
  join: i64[3] = [2,24,36]
  r = Reshape(x, split)
  t = Transpose(r) {perm=[0,2,1,3]}
  c = Conv(t, w)
  s = Reshape(c, join)
  a = Tanh(s)
  y = Conv(a, v)
})";
  EXPECT_EQ(count_ops(plan_of(text), "Transpose"), 0);
  EXPECT_LE(count_ops(plan_of(text), "Reorder"), 2);
  test::expect_engines_agree(text);
}

TEST(Plan, CastsOfSmallIntegersToFloat) {
  for (const char* type : {"u8", "i8", "i32", "bool"}) {
    SCOPED_TRACE(type);
    const std::string text = "graph net(x: " + std::string(type) + R"([40,1000]) -> (y) {
  y = Cast(x) {to=1}
})";
    const PlanInfo plan = plan_of(text);
    ASSERT_EQ(plan.steps.size(), 1u);
    EXPECT_EQ(plan.steps[0].kernel, "cast");
    test::expect_engines_agree(text);
  }
}

TEST(Plan, DropoutWhoseMaskNobodyReadsIsNoStep) {
  EXPECT_EQ(count_ops(plan_of(R"(
graph net(x: f32[2,3,4]) -> (y) {
  d, mask = Dropout(x)
  y = Relu(d)
})"),
                      "Dropout"),
            0);
}

TEST(Plan, ViewsAreNoSteps) {
  const PlanInfo plan = plan_of(R"(
graph net(x: f32[2,3,4]) -> (y) {
  s: i64[2] = [6,4]
  axes: i64[1] = [0]
  r = Reshape(x, s)
  u = Unsqueeze(r, axes)
  i = Identity(u)
  y = Relu(i)
})");
  EXPECT_EQ(plan.steps.size(), 1u);
}

TEST(Plan, ChainsShareMemory) {
  std::string text =
      "graph net(x: f32[1,8,32,32]) -> (y) {\n w: f32[8,8,3,3] = constant(normal, seed=1, scale=0.1)\n";
  std::string last = "x";
  for (int i = 0; i < 10; ++i) {
    text += " c" + std::to_string(i) + " = Conv(" + last + ", w) {pads=[1,1,1,1]}\n";
    last = "c" + std::to_string(i);
  }
  const PlanInfo plan = plan_of(text + " y = Relu(" + last + ")\n}");
  EXPECT_LE(plan.arena_bytes, 3u * 8 * 32 * 32 * 4);
}

TEST(Plan, WeightsArePackedOnceForAllShapes) {
  const auto program = Program::compile(parse_graph(R"(
graph net(x: f32[n,64]) -> (y) {
  w: f32[256,64] = constant(normal, seed=1, scale=0.1)
  y = Gemm(x, w) {transB=1}
})"));
  Session session(program, 1);
  const Shape one[] = {Shape{1, 64}}, two[] = {Shape{2, 64}};
  const uint64_t before = session.plan_info(one).weight_bytes;
  session.plan_info(two);
  EXPECT_LE(session.plan_info(one).weight_bytes, 2 * before);
}

TEST(Plan, ProfilesEveryStep) {
  const Graph graph = parse_graph(kFire);
  Session session(Program::compile(graph), 1);
  const std::vector<double> times = session.profile(test::random_inputs(graph), 3);
  EXPECT_EQ(times.size(), session.plan_info().steps.size());
  for (double t : times) EXPECT_LT(t, 1000);
}

}  // namespace
}  // namespace precis::runtime
