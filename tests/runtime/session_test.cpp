// Sessions: input checks, shapes that change, several inputs and outputs, taps, threads that share a Program.
#include "precis/runtime/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <thread>

#include "precis/core/parallel.h"
#include "precis/graph/text.h"
#include "tests/runtime/run_both.h"
#include "tests/support/expect_error.h"
#include "tests/support/tensor_compare.h"

namespace precis::runtime {
namespace {

using test::expect_engines_agree;
using test::random_inputs;

const char* const kDynamic = R"(
graph net(x: f32[batch,3,h,w]) -> (y) {
  w1: f32[16,3,3,3] = constant(normal, seed=1, scale=0.2)
  w2: f32[10,16] = constant(normal, seed=2, scale=0.2)
  a = Conv(x, w1) {pads=[1,1,1,1], strides=[2,2]}
  r = Relu(a)
  g = GlobalAveragePool(r)
  f = Flatten(g)
  y = Gemm(f, w2) {transB=1}
})";

TEST(Session, ShapesMayChangeFromRunToRun) {
  const Graph graph = parse_graph(kDynamic);
  Session fast(Program::compile(graph)), truth(Program::compile(graph, {Engine::kReference, {}}));
  uint64_t seed = 1;
  for (const Shape& shape :
       {Shape{1, 3, 8, 8}, Shape{4, 3, 8, 8}, Shape{1, 3, 15, 9}, Shape{1, 3, 8, 8}, Shape{2, 3, 5, 5}}) {
    const std::vector<Tensor> x{test::random_tensor(shape, seed++)};
    const Tensor got = fast.run(x)[0], want = truth.run(x)[0];
    EXPECT_EQ(got.shape(), (Shape{shape[0], 10}));
    EXPECT_TRUE(test::tensors_close(got, want, {.absolute = 1e-5}));
  }
}

TEST(Session, ManyShapesStayWithinTheCache) {
  const Graph graph = parse_graph(kDynamic);
  Session session(Program::compile(graph));
  for (int64_t batch = 1; batch <= 12; ++batch)
    EXPECT_EQ(session.run(std::vector<Tensor>{Tensor(DType::kF32, {batch, 3, 6, 6})})[0].shape(),
              (Shape{batch, 10}));
}

// A length that only the contents tell, and a declaration that they do not keep.
TEST(Session, ContentsThatContradictADeclaredShapeAreRefused) {
  const Graph graph = parse_graph("graph net(s: i64[2]) -> (y) { y: f32[3,2] = ConstantOfShape(s) }");
  Session session(Program::compile(graph));
  EXPECT_EQ(session.run(std::vector<Tensor>{Tensor::from<int64_t>({2}, {3, 2})})[0].shape(), (Shape{3, 2}));
  EXPECT_ERROR(session.run(std::vector<Tensor>{Tensor::from<int64_t>({2}, {1, 6})}), ErrorCode::kMalformed,
               "has the shape [1,6], but the model declares [3,2]");
}

TEST(Session, ComputedShapesThatContradictADeclaredOneAreRefusedByBothEngines) {
  for (const char* op : {"Reshape", "Expand"})
    for (const Engine engine : {Engine::kFast, Engine::kReference}) {
      SCOPED_TRACE(op);
      const Graph graph =
          parse_graph(std::string("graph net(x: f16[1,6], s: i64[2]) -> (y) { a: f16[1,6] = ") + op +
                      "(x, s) y = Neg(a) }");
      Session session(Program::compile(graph, {engine, {}}));
      const Tensor x = test::random_tensor({1, 6}, 1).cast(DType::kF16);
      EXPECT_EQ(session.run(std::vector<Tensor>{x, Tensor::from<int64_t>({2}, {1, 6})})[0].shape(),
                (Shape{1, 6}));
      const Tensor other = Tensor::from<int64_t>({2}, {op[0] == 'R' ? 3 : 2, op[0] == 'R' ? 2 : 6});
      EXPECT_ERROR(session.run(std::vector<Tensor>{x, other}), ErrorCode::kMalformed,
                   "but the model declares [1,6]");
    }
}

// What follows from the shapes of the inputs overrules what was declared.
TEST(Session, ShapesThatFollowFromInputsOverruleDeclaredOnes) {
  expect_engines_agree(R"(
graph net(x: f32[2,6], z: f32[3,4]) -> (y) {
  s = Shape(z)
  f = Cast(s) {to=f32}
  half: f32[] = [0.5]
  h = Mul(f, half)
  d = Add(h, h)
  t = Cast(d) {to=i64}
  a: f32[6,2] = Reshape(x, t)
  y = Neg(a)
})");
}

// Element types that oneDNN does not know, in an order that is channels-last.
TEST(Session, TransposesOfAnyElementType) {
  for (const DType dtype : {DType::kU16, DType::kI64, DType::kF64, DType::kI8, DType::kF32})
    for (const char* perm : {"0,2,1", "0,1,2"}) {
      SCOPED_TRACE(dtype_name(dtype));
      const Graph graph = parse_graph("graph net(x: " + std::string(dtype_name(dtype)) +
                                      "[2,3,4]) -> (y) { y = Transpose(x) {perm=[" + perm + "]} }");
      Session fast(Program::compile(graph)), truth(Program::compile(graph, {Engine::kReference, {}}));
      std::vector<float> values(24);
      std::iota(values.begin(), values.end(), 0.0f);
      const std::vector<Tensor> x{Tensor::from<float>({2, 3, 4}, std::span<const float>(values)).cast(dtype)};
      EXPECT_TRUE(test::tensors_equal(fast.run(x)[0], truth.run(x)[0])) << perm;
    }
}

TEST(Session, PoolsWhoseWindowsAreMostlyPaddingTakeNoTimeForIt) {
  for (const char* op : {"MaxPool", "AveragePool"})
    expect_engines_agree(std::string("graph net(x: f32[2,1,5,5]) -> (y) { y = ") + op +
                         "(x) {auto_pad=\"SAME_UPPER\", kernel_shape=[3,2147483647], strides=[2,2]} }");
}

TEST(Session, HalfPrecisionRunsOnTheFloatKernels) {
  const Graph graph = parse_graph(R"(
graph net(x: f16[1,3,8,8]) -> (y, r) {
  w: f16[8,3,3,3] = constant(normal, seed=1, scale=0.2)
  c = Conv(x, w) {pads=[1,1,1,1]}
  r = Relu(c)
  y = GlobalAveragePool(r)
})");
  Session session(Program::compile(graph, {Engine::kFast, {"r"}}));
  Tensor tapped;
  session.set_tap([&](const std::string& name, const Tensor& t) {
    EXPECT_EQ(name, "r");
    tapped = t.clone();
  });
  const std::vector<Tensor> x = random_inputs(graph);
  const std::vector<Tensor> got = session.run(x);
  const std::vector<Tensor> want = Session(Program::compile(graph, {Engine::kReference, {}})).run(x);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(got[i].dtype(), DType::kF16);
    EXPECT_TRUE(test::tensors_close(got[i].cast(DType::kF32), want[i].cast(DType::kF32), {.absolute = 5e-3}));
  }
  EXPECT_TRUE(test::tensors_close(tapped, got[1], {}));
  for (const StepInfo& step : session.plan_info().steps)
    EXPECT_TRUE(step.op == "Cast" || step.op == "Tap" || step.kernel != "reference") << step.op;
}

TEST(Session, WrongInputsAreRefused) {
  Session session(Program::compile(parse_graph(R"(
graph net(a: f32[n,4], b: f32[n,4]) -> (y) {
  y = Add(a, b)
})")));
  const Tensor good(DType::kF32, {2, 4});
  const auto run = [&](std::vector<Tensor> inputs) { session.run(inputs); };
  EXPECT_ERROR(run({good}), ErrorCode::kUsage, "takes 2 inputs, 1 given");
  EXPECT_ERROR(run({good, Tensor(DType::kF64, {2, 4})}), ErrorCode::kUsage,
               "input 'b' is f64, the model expects f32");
  EXPECT_ERROR(run({good, Tensor(DType::kF32, {2, 5})}), ErrorCode::kUsage,
               "input 'b' has shape [2,5], the model expects [n,4]");
  EXPECT_ERROR(run({good, Tensor(DType::kF32, {3, 4})}), ErrorCode::kUsage, "input 'b'");
  EXPECT_ERROR(run({Tensor(DType::kF32, {4}), good}), ErrorCode::kUsage, "input 'a' has shape [4]");
  EXPECT_EQ(session.run(std::vector<Tensor>{good, good}).size(), 1u);
}

TEST(Session, UnknownOperatorsAreNamed) {
  EXPECT_ERROR(Program::compile(parse_graph(R"(
graph net(x: f32[2]) -> (z) {
  y = nowhere::Frobnicate(x)
  z = Relu(y)
})")),
               ErrorCode::kUnsupported, "Frobnicate");
}

TEST(Session, SeveralInputsAndOutputs) {
  expect_engines_agree(R"(
graph net(a: f32[1,8,6,6], b: f32[1,8,6,6]) -> (s, a, m, k) {
  k: f32[3] = [1, 2, 3]
  s = Add(a, b)
  p = Mul(a, b)
  m = MaxPool(p) {kernel_shape=[2,2], strides=[2,2]}
})");
}

TEST(Session, OneValueTwiceAsOutputAndReshapedInputs) {
  expect_engines_agree(R"(
graph net(a: f32[2,12]) -> (r, y, y) {
  shape: i64[2] = [4, 6]
  r = Reshape(a, shape)
  y = Relu(a)
})");
}

TEST(Session, DataDependentShapesRunNodeByNode) {
  expect_engines_agree(R"(
graph net(x: f32[2,6]) -> (y, z) {
  r = Relu(x)
  n = NonZero(r)
  y = Cast(n) {to=f32}
  z = Abs(y)
})");
}

TEST(Session, ReshapeByAnInput) {
  const Graph graph = parse_graph(R"(
graph net(x: f32[2,6], shape: i64[2]) -> (y) {
  r = Reshape(x, shape)
  w: f32[4,5] = constant(normal, seed=2, scale=0.2)
  m = MatMul(r, w)
  y = Relu(m)
})");
  Session fast(Program::compile(graph)), truth(Program::compile(graph, {Engine::kReference, {}}));
  const std::vector<Tensor> inputs{test::random_tensor({2, 6}, 1), Tensor::from<int64_t>({2}, {3, 4})};
  EXPECT_TRUE(test::tensors_close(fast.run(inputs)[0], truth.run(inputs)[0], {.absolute = 1e-5}));
}

TEST(Session, ShapeArithmeticIsFolded) {
  const std::string text = R"(
graph net(x: f32[2,3,4,4]) -> (y) {
  minus: i64[1] = [-1]
  zero: i64[] = [0]
  s = Shape(x)
  n = Gather(s, zero)
  axes: i64[1] = [0]
  u = Unsqueeze(n, axes)
  t = Concat(u, minus) {axis=0}
  y = Reshape(x, t)
})";
  expect_engines_agree(text);
  EXPECT_TRUE(test::step_names(parse_graph(text)).empty());
}

TEST(Session, TapsSeePlainValuesInOrder) {
  const Graph graph = parse_graph(R"(
graph net(x: f32[1,3,8,8]) -> (y) {
  w1: f32[16,3,3,3] = constant(normal, seed=1, scale=0.2)
  w2: f32[16,16,1,1] = constant(normal, seed=2, scale=0.2)
  a = Conv(x, w1)
  r = Relu(a)
  c = Conv(r, w2)
  y = Relu(c)
})");
  const std::vector<Tensor> x = random_inputs(graph);
  std::vector<std::vector<std::string>> names(2);
  std::vector<std::vector<Tensor>> seen(2);
  for (const Engine engine : {Engine::kFast, Engine::kReference}) {
    const size_t e = engine == Engine::kFast ? 0 : 1;
    Session session(Program::compile(graph, {engine, {"c", "a", "x"}}));
    session.set_tap([&](const std::string& name, const Tensor& t) {
      names[e].push_back(name);
      seen[e].push_back(t.clone());
    });
    session.run(x);
  }
  EXPECT_THAT(names[0], testing::ElementsAre("x", "a", "c"));
  EXPECT_EQ(names[0], names[1]);
  for (size_t i = 0; i < seen[0].size(); ++i)
    EXPECT_TRUE(test::tensors_close(seen[0][i], seen[1][i], {.absolute = 1e-5}));
  EXPECT_ERROR(Program::compile(graph, {Engine::kFast, {"nowhere"}}), ErrorCode::kUsage, "tap 'nowhere'");
}

TEST(Session, TapsMaySeeValuesAsTheyLie) {
  const Graph graph = parse_graph(R"(
graph net(x: f32[2,3,8,8]) -> (y) {
  w1: f32[16,3,3,3] = constant(normal, seed=1, scale=0.2)
  w2: f32[24,16,1,1] = constant(normal, seed=2, scale=0.2)
  a = Conv(x, w1)
  c = Conv(a, w2)
  y = GlobalAveragePool(c)
})");
  const std::vector<Tensor> x = random_inputs(graph);
  ProgramOptions options;
  options.taps = {"x", "a", "c", "y"};
  Session plain(Program::compile(graph, options));
  std::map<std::string, Tensor> want;
  plain.set_tap([&](const std::string& name, const Tensor& t) { want[name] = t.clone(); });
  plain.run(x);
  options.taps_as_laid_out = true;
  Session session(Program::compile(graph, options));
  size_t seen = 0;
  session.set_laid_out_tap([&](const std::string& name, const Tensor& t, bool channels_last) {
    const Tensor& w = want.at(name);
    ASSERT_EQ(t.shape(), w.shape());
    const int64_t channels = t.shape()[1], pixels = t.shape().inner(2);
    for (int64_t i = 0; i < t.numel(); ++i) {
      const int64_t pixel = i % pixels, channel = i / pixels % channels, picture = i / pixels / channels;
      ASSERT_EQ(w.at_double(i),
                t.at_double(channels_last ? (picture * pixels + pixel) * channels + channel : i))
          << name;
    }
    ++seen;
  });
  session.run(x);
  EXPECT_EQ(seen, 4u);
  EXPECT_LE(session.plan_info().steps.size(), plain.plan_info().steps.size());
  EXPECT_ERROR(session.set_tap([](const std::string&, const Tensor&) {}), ErrorCode::kUsage,
               "set_laid_out_tap");
}

TEST(Session, SessionsOnOneProgramRunAtTheSameTime) {
  const Graph graph = parse_graph(kDynamic);
  const auto program = Program::compile(graph);
  const std::vector<Tensor> x{test::random_tensor({2, 3, 16, 16}, 5)};
  const Tensor want = Session(program, 1).run(x)[0];
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      Session session(program, 1);
      for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(test::tensors_equal(session.run(x)[0], want)) << "thread " << t;
        session.run(std::vector<Tensor>{Tensor(DType::kF32, {1 + (i + t) % 3, 3, 9, 9})});
      }
    });
  for (std::thread& t : threads) t.join();
}

TEST(Session, RunsOnOneThreadInsideAParallelLoop) {
  const Graph graph = parse_graph(kDynamic);
  const auto program = Program::compile(graph);
  const std::vector<Tensor> x{test::random_tensor({1, 3, 16, 16}, 5)};
  const Tensor want = Session(program, 1).run(x)[0];
  std::vector<Tensor> got(8);
  parallel_for(8, 1, [&](int64_t begin, int64_t) {
    Session session(program);
    got[static_cast<size_t>(begin)] = session.run(x)[0];
  });
  for (const Tensor& t : got) EXPECT_TRUE(test::tensors_equal(t, want));
}

}  // namespace
}  // namespace precis::runtime
