// The preparation passes, as text before and after.
#include "pass_harness.h"
#include "precis/core/check.h"
#include "precis/graph/text.h"
#include "precis/runtime/reference_engine.h"
#include "precis/runtime/session.h"
#include "tests/support/tensor_compare.h"

namespace precis::test {
namespace {

constexpr const char* kConvBn = R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    w: f32[2,2,1,1] = [1, 2, 3, 4]
    gamma: f32[2] = [2, 1]
    beta: f32[2] = [0.5, -1]
    mean: f32[2] = [1, 0]
    var: f32[2] = [3, 0]
    c = Conv(x, w)
    y = BatchNormalization(c, gamma, beta, mean, var) {epsilon=1.0}
  })";

TEST(FoldBatchNorm, IntoAConvolutionWithoutBias) {
  expect_rewrite("fold_batch_norm", kConvBn, R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    w/folded: f32[2,2,1,1] = [1, 2, 3, 4]
    w/bias: f32[2] = [-0.5, -1]
    y = Conv(x, w/folded, w/bias) as c
  })");
}

TEST(FoldBatchNorm, RefusesAnEmptyVariance) {
  Model m = model_of(R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    w: f32[2,2,1,1] = [1, 2, 3, 4]
    p: f32[2] = [1, 1]
    var: f32[2] = [0, 1]
    c = Conv(x, w)
    y = BatchNormalization(c, p, p, p, var) {epsilon=0.0}
  })");
  const passes::PassResult r = run_pass(m, "fold_batch_norm");
  EXPECT_EQ(r.changes, 0);
  ASSERT_EQ(r.notes.size(), 1u);
  EXPECT_NE(r.notes[0].find("var + epsilon"), std::string::npos);
}

TEST(FoldBatchNorm, LeavesAConvolutionThatOthersRead) {
  expect_unchanged("fold_batch_norm", R"(
  graph g(x: f32[1,2,4,4]) -> (y, r) {
    w: f32[2,2,1,1] = [1, 2, 3, 4]
    p: f32[2] = [1, 1]
    c = Conv(x, w)
    y = BatchNormalization(c, p, p, p, p)
    r = Relu(c)
  })");
}

TEST(FoldChannelArithmetic, MulAndAddPerChannel) {
  Model m = model_of(R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    w: f32[2,2,1,1] = [1, 2, 3, 4]
    b: f32[2] = [1, 1]
    s: f32[2,1,1] = [2, 3]
    t: f32[1,2,1,1] = [10, 20]
    c = Conv(x, w, b)
    m = Mul(c, s)
    y = Add(t, m)
  })");
  const Tensor x = random_tensor({1, 2, 4, 4}, 1);
  const auto wanted = runtime::run_reference(m.graph, std::span(&x, 1));
  EXPECT_EQ(run_pass(m, "fold_channel_arithmetic").changes, 2);
  EXPECT_EQ(m.graph.order().size(), 1u);
  const auto got = runtime::run_reference(m.graph, std::span(&x, 1));
  EXPECT_TRUE(tensors_close(got[0], wanted[0], {.absolute = 1e-5, .relative = 1e-5}));
}

TEST(FoldChannelArithmetic, LeavesSpatialConstants) {
  expect_unchanged("fold_channel_arithmetic", R"(
  graph g(x: f32[1,2,2,2]) -> (y) {
    w: f32[2,2,1,1] = [1, 2, 3, 4]
    t: f32[2,2] = [1, 2, 3, 4]
    c = Conv(x, w)
    y = Add(c, t)
  })");
}

TEST(FoldConstants, ShapeCodeOfAKnownShape) {
  Model m = model_of(R"(
  graph g(x: f32[2,3,4]) -> (y) {
    zero: i64[1] = [0]
    minus: i64[1] = [-1]
    s = Shape(x)
    n = Gather(s, zero)
    target = Concat(n, minus) {axis=0}
    y = Reshape(x, target)
  })");
  EXPECT_GT(run_pass(m, "fold_constants").changes, 0);
  ASSERT_EQ(m.graph.order().size(), 1u);
  const Tensor* target = m.graph.constant(m.graph.node(m.graph.order()[0]).input(1));
  ASSERT_NE(target, nullptr);
  EXPECT_EQ(target->at_int(0), 2);
  EXPECT_EQ(target->at_int(1), -1);
}

TEST(FoldConstants, ALargeResultIsNotFolded) {
  expect_unchanged("fold_constants", R"(
  graph g(x: f32[2000,2000]) -> (y) {
    one: f32[1] = [1]
    shape: i64[2] = [2000, 2000]
    big = Expand(one, shape)
    y = Add(x, big)
  })");
}

TEST(FoldConstants, WhatIsLargeOnTheWayOnlyCostsMemory) {
  Model m = model_of(R"(
  graph g(x: f32[4]) -> (y) {
    one: f32[1] = [1]
    shape: i64[2] = [2000, 2000]
    big = Expand(one, shape)
    sum = ReduceSum(big) {keepdims=0}
    y = Mul(x, sum)
  })");
  EXPECT_EQ(run_pass(m, "fold_constants").changes, 2);
  ASSERT_EQ(m.graph.order().size(), 1u);
  EXPECT_EQ(m.graph.constant(m.graph.node(m.graph.order()[0]).input(1))->at_double(0), 4e6);
}

TEST(FoldConstants, TheGrowthOfAllIsLimited) {
  std::string text =
      "graph g(x: f32[500,500]) -> (y) { one: f32[1] = [1]  shape: i64[2] = [500, 500]  small: i64[1] = "
      "[8]\n";
  for (int i = 0; i < 3; ++i)  // 1 MB each
    text += fmt::format("b{0} = Expand(one, shape) as b{0}\n r{0} = Relu({1}) s{0} = Add(r{0}, b{0})\n", i,
                        i ? fmt::format("s{}", i - 1) : "x");
  text += "e = Expand(one, small) f = ReduceSum(e) y = Mul(s2, f) }";
  Model m = model_of(text);
  runtime::register_evaluator();
  const std::string_view names[] = {"fold_constants"};
  const passes::PassResult r = passes::run_passes_until_done(m, names);
  EXPECT_EQ(r.changes, 3);  // one of the three, the small one and its sum
  ASSERT_EQ(r.notes.size(), 2u);
  EXPECT_NE(r.notes[0].find("1000000 bytes"), std::string::npos);
  int64_t bytes = 0;
  for (ValueId v : m.graph.initializers()) bytes += m.graph.constant(v)->nbytes();
  EXPECT_LE(bytes, (1 << 20) + 64);
}

// A constant that is read elsewhere stays beside what is made of it.
TEST(FoldConstants, GrowthCountsWhatStays) {
  const auto folded = [](const char* result) {
    Model m = model_of(fmt::format(R"(
    graph g(x: f32[600,600]) -> (y, z) {{
      w: f32[600,600] = constant(normal, seed=1, scale=1)
      t = Transpose(w)
      y = MatMul(x, t)
      z = {}
    }})",
                                   result));
    return run_pass(m, "fold_constants").changes;
  };
  EXPECT_EQ(folded("Relu(y)"), 1);
  EXPECT_EQ(folded("MatMul(x, w)"), 0);  // 1.4 MB more
}

TEST(EliminateIdentity, InTheMiddleAndAtTheOutput) {
  expect_rewrite("eliminate_identity", R"(
  graph g(x: f32[4]) -> (y) {
    a = Identity(x)
    r = Relu(a)
    y = Identity(r)
  })",
                 R"(
  graph g(x: f32[4]) -> (y) {
    y = Relu(x) as r
  })");
}

TEST(EliminateIdentity, FromInputToOutputStays) {
  expect_unchanged("eliminate_identity", "graph g(x: f32[4]) -> (y) { y = Identity(x) }");
}

TEST(FuseMatMulAdd, AProductThatIsQuantizedStays) {
  expect_kept("fuse_matmul_add", R"(
  graph g(x: f32[2,2]) -> (y) {
    w: f32[2,2] = [1, 2, 3, 4]
    b: f32[2] = [0.5, -1]
    m: f32[2,2] @ u8(scale=0.1, zp=100) = MatMul(x, w)
    y = Add(m, b)
  })");
}

TEST(FuseMatMulAdd, BecomesGemm) {
  expect_rewrite("fuse_matmul_add", R"(
  graph g(x: f32[2,2]) -> (y) {
    w: f32[2,3] = [1, 2, 3, 4, 5, 6]
    b: f32[3] = [1, 2, 3]
    m = MatMul(x, w)
    y = Add(m, b)
  })",
                 R"(
  graph g(x: f32[2,2]) -> (y) {
    w: f32[2,3] = [1, 2, 3, 4, 5, 6]
    b: f32[3] = [1, 2, 3]
    y = Gemm(x, w, b) as m
  })");
}

TEST(EliminateDeadNodes, WholeChains) {
  expect_rewrite("eliminate_dead_nodes", R"(
  graph g(x: f32[4]) -> (y) {
    a = Exp(x)
    b = Neg(a)
    y = Relu(x)
  })",
                 "graph g(x: f32[4]) -> (y) { y = Relu(x) }");
}

TEST(WidenF16, KeepsTheInterface) {
  Model m = model_of(R"(
  graph g(x: f16[1,2,2,2]) -> (y) {
    w: f16[1,2,1,1] = [1, 2]
    y = Conv(x, w)
  })");
  EXPECT_GT(run_pass(m, "widen_f16").changes, 0);
  EXPECT_EQ(m.graph.value(m.graph.inputs()[0]).type.dtype, DType::kF16);
  EXPECT_EQ(m.graph.value(m.graph.outputs()[0]).type.dtype, DType::kF16);
  EXPECT_EQ(m.graph.value(m.graph.outputs()[0]).name, "y");
  for (NodeId id : m.graph.order())
    if (m.graph.node(id).is("Conv")) {
      EXPECT_EQ(m.graph.value(m.graph.node(id).output(0)).type.dtype, DType::kF32);
    }
}

// What stands around the composed form in the tests below.
std::string hard_swish(const std::string& statements) {
  return "graph g(x: f32[2,9]) -> (y) { three: f32[] = [3] six: f32[] = [6] zero: f32[] = [0] sixth: f32[] = "
         "[0.16666667] " +
         statements + " }";
}

TEST(FuseHardSwish, EveryWayToComposeIt) {
  for (const char* form : {"a = Add(x, three) c = Clip(a, zero, six) m = Mul(x, c) y = Div(m, six)",
                           "a = Add(three, x) c = Clip(a, zero, six) m = Mul(c, x) y = Mul(sixth, m)",
                           "a = Add(x, three) c = Clip(a, zero, six) d = Div(c, six) y = Mul(x, d)",
                           "h = HardSigmoid(x) {alpha=0.16666667, beta=0.5} y = Mul(h, x)"}) {
    SCOPED_TRACE(form);
    expect_rewrite("fuse_hard_swish", hard_swish(form), "graph g(x: f32[2,9]) -> (y) { y = HardSwish(x) }",
                   1e-6);
  }
  expect_rewrite("fuse_hard_swish", hard_swish("a = Add(x, three) c = Clip(a, zero, six) y = Div(c, six)"),
                 "graph g(x: f32[2,9]) -> (y) { y = HardSigmoid(x) {alpha=0.16666667, beta=0.5} }", 1e-6);
}

TEST(FoldChannelArithmetic, IntoABatchNormalization) {
  expect_rewrite("fold_channel_arithmetic", R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    gamma: f32[2] = [2, 1]
    beta: f32[2] = [0.5, -1]
    mean: f32[2] = [1, 0]
    var: f32[2] = [3, 1]
    s: f32[2,1,1] = [2, 3]
    t: f32[1,2,1,1] = [10, 20]
    r = Relu(x)
    n = BatchNormalization(r, gamma, beta, mean, var)
    m = Mul(n, s)
    y = Add(m, t)
  })",
                 R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    mean: f32[2] = [1, 0]
    var: f32[2] = [3, 1]
    gamma/folded/folded: f32[2] = [4, 3]
    beta/folded/folded: f32[2] = [11, 17]
    r = Relu(x)
    y = BatchNormalization(r, gamma/folded/folded, beta/folded/folded, mean, var) as n
  })");
}

TEST(SplitSums, IntoAdds) {
  expect_rewrite("split_sums",
                 "graph g(x: f32[2,3], a: f32[3], b: f32[2,1]) -> (y, z) { y = Sum(x, a) z = Sum(x, a, b) }",
                 "graph g(x: f32[2,3], a: f32[3], b: f32[2,1]) -> (y, z) { y = Add(x, a) z/partial = Add(x, "
                 "a) z = Add(z/partial, b) }",
                 0);
  expect_unchanged("split_sums", "graph g(x: f32[2,3]) -> (y) { y = Sum(x) }");
}

TEST(HoistActivations, ToTheInputsOfAConcat) {
  expect_rewrite("hoist_activations", R"(
  graph g(a: f32[1,2,4,4], b: f32[1,3,4,4]) -> (y) {
    r = Relu(a)
    p = MaxPool(r) {kernel_shape=[1,1]}
    c = Concat(p, b) {axis=1}
    y = Relu(c)
  })",
                 R"(
  graph g(a: f32[1,2,4,4], b: f32[1,3,4,4]) -> (y) {
    r = Relu(a)
    p = MaxPool(r) {kernel_shape=[1,1]}
    b/activation = Relu(b)
    y = Concat(p, b/activation) {axis=1}
  })");
  expect_rewrite("hoist_activations", R"(
  graph g(a: f32[2], b: f32[3]) -> (y) {
    lo: f32[] = [0]
    hi: f32[] = [6]
    c = Concat(a, b) {axis=0}
    y = Clip(c, lo, hi)
  })",
                 R"(
  graph g(a: f32[2], b: f32[3]) -> (y) {
    lo: f32[] = [0]
    hi: f32[] = [6]
    a/activation = Clip(a, lo, hi)
    b/activation = Clip(b, lo, hi)
    y = Concat(a/activation, b/activation) {axis=0}
  })");
}

TEST(HoistActivations, ThroughConcatsOfConcats) {
  expect_rewrite("hoist_activations", R"(
  graph g(a: f32[2], b: f32[3], d: f32[4]) -> (y) {
    inner = Concat(a, b) {axis=0}
    c = Concat(inner, d) {axis=0}
    y = Relu(c)
  })",
                 R"(
  graph g(a: f32[2], b: f32[3], d: f32[4]) -> (y) {
    a/activation = Relu(a)
    b/activation = Relu(b)
    inner/activation = Concat(a/activation, b/activation) {axis=0}
    d/activation = Relu(d)
    y = Concat(inner/activation, d/activation) {axis=0}
  })");
}

TEST(HoistActivations, OnlyWhereNobodyElseReadsTheConcat) {
  expect_unchanged("hoist_activations", R"(
  graph g(a: f32[2], b: f32[3]) -> (y, c) {
    c = Concat(a, b) {axis=0}
    y = Relu(c)
  })");
  expect_unchanged("hoist_activations", R"(
  graph g(a: f32[2], b: f32[3], hi: f32[]) -> (y) {
    c = Concat(a, b) {axis=0}
    y = Clip(c, _, hi)
  })");
}

TEST(FuseHardSwish, OnlyWhereItIsHardSwish) {
  expect_unchanged("fuse_hard_swish",
                   hard_swish("a = Add(x, six) c = Clip(a, zero, six) m = Mul(x, c) y = Div(m, six)"));
  expect_unchanged("fuse_hard_swish",
                   hard_swish("a = Add(x, three) c = Clip(a, zero, three) m = Mul(x, c) y = Div(m, six)"));
  expect_unchanged("fuse_hard_swish", hard_swish("h = HardSigmoid(x) y = Mul(h, x)"));
  expect_unchanged("fuse_hard_swish",  // somebody else reads the sum
                   "graph g(x: f32[2,9]) -> (y, a) { three: f32[] = [3] six: f32[] = [6] zero: f32[] = [0] a "
                   "= Add(x, three) c = Clip(a, zero, six) "
                   "m = Mul(x, c) y = Div(m, six) }");
}

}  // namespace
}  // namespace precis::test
