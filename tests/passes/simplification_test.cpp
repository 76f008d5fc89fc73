// The passes of `simplify` that no preparation had before, as text before and after.
#include "pass_harness.h"
#include "precis/graph/captures.h"
#include "precis/graph/op.h"
#include "precis/graph/text.h"
#include "precis/runtime/reference_engine.h"
#include "precis/runtime/session.h"
#include "tests/support/tensor_compare.h"

namespace precis::test {
namespace {

TEST(EliminateIdentity, WhatChangesNothing) {
  expect_rewrite("eliminate_identity", R"(
  graph g(x: f32[N,3,4]) -> (y) {
    begin: i64[2] = [0, 0]
    end: i64[2] = [9223372036854775807, 4]
    axes: i64[2] = [0, -1]
    once: i64[3] = [1, 1, 1]
    nothing: i64[6] = [0, 0, 0, 0, 0, 0]
    same: i64[3] = [0, 3, -1]
    a = Slice(x, begin, end, axes)
    b = Tile(a, once)
    c = Pad(b, nothing)
    d = Concat(c) {axis=1}
    e = Reshape(d, same)
    f = Expand(e, once)
    y = Relu(f)
  })",
                 R"(
  graph g(x: f32[N,3,4]) -> (y) {
    y = Relu(x)
  })");
}

TEST(EliminateIdentity, WhatChangesSomethingStays) {
  expect_unchanged("eliminate_identity", R"(
  graph g(x: f32[N,3]) -> (a, b, c, d) {
    begin: i64[1] = [0]
    end: i64[1] = [2]
    axis: i64[1] = [0]
    back: i64[1] = [-1]
    first: i64[1] = [-9223372036854775807]
    last: i64[1] = [2147483647]
    two: i64[2] = [1, 2]
    to: i64[2] = [2, 3]
    a = Slice(x, begin, end, axis)
    b = Slice(x, back, first, axis, back)
    c = Tile(x, two)
    d = Expand(x, to)
  })");
}

TEST(EliminateIdentity, WhatQuantizesStays) {
  for (const char* op : {"Identity", "Dropout"})
    expect_kept("eliminate_identity", std::string("graph g(x: f32[2,3]) -> (y) { a: f32[2,3] @ u8(scale=0.1, "
                                                  "zp=100) = ") +
                                          op + "(x) y = Neg(a) }");
}

// A declared name is a hint: the lengths need not be equal.
TEST(EliminateIdentity, DeclaredNamesOfDimensionsProveNothing) {
  expect_unchanged("eliminate_identity", R"(
  graph g(x: f32[N,4], t: i64[2]) -> (y) {
    a: f32[N,4] = Reshape(x, t)
    y = Relu(a)
  })");
}

TEST(MergeChains, ToOneReshape) {
  expect_rewrite("merge_chains", R"(
  graph g(x: f32[N,2,3]) -> (y) {
    axis: i64[1] = [0]
    flat: i64[2] = [-1, 6]
    a = Unsqueeze(x, axis)
    y = Reshape(a, flat)
  })",
                 R"(
  graph g(x: f32[N,2,3]) -> (y) {
    axis: i64[1] = [0]
    a = Unsqueeze(x, axis)
    y/shape: i64[2] = [0, 6]
    y = Reshape(x, y/shape)
  })");
}

TEST(MergeChains, WhatGoesBackToWhereItBeganIsGone) {
  Model m = model_of(R"(
  graph g(x: f32[?,?]) -> (y) {
    axis: i64[1] = [1]
    a = Unsqueeze(x, axis)
    b = Squeeze(a, axis)
    y = Relu(b)
  })");
  EXPECT_EQ(run_pass(m, "merge_chains").changes, 1);
  EXPECT_EQ(m.graph.node(m.graph.value(m.graph.outputs()[0]).producer).input(0), m.graph.inputs()[0]);
}

TEST(MergeChains, CastsThatLoseNothing) {
  const auto last_reads_x = [](const char* type, const char* middle, const char* last) {
    Model m = model_of(fmt::format(
        "graph g(x: {}[4]) -> (y) {{ a = Cast(x) {{to={}}} y = Cast(a) {{to={}}} }}", type, middle, last));
    run_pass(m, "merge_chains");
    return m.graph.node(m.graph.order().back()).input(0) == m.graph.inputs()[0];
  };
  EXPECT_TRUE(last_reads_x("f32", "f64", "f16"));
  EXPECT_TRUE(last_reads_x("u8", "f32", "u8"));
  EXPECT_TRUE(last_reads_x("i32", "i64", "f32"));
  EXPECT_TRUE(last_reads_x("bool", "f32", "i64"));
  EXPECT_FALSE(last_reads_x("f32", "f16", "f32"));  // rounds
  EXPECT_FALSE(last_reads_x("f32", "i32", "f32"));  // truncates
  EXPECT_FALSE(last_reads_x("i8", "f32", "u8"));    // saturates, where the direct cast wraps
  EXPECT_FALSE(last_reads_x("i64", "f32", "i64"));  // 24 bits
  EXPECT_FALSE(last_reads_x("i32", "u32", "i64"));  // wraps
}

TEST(MergeChains, WhatQuantizesInTheMiddleStays) {
  expect_kept("merge_chains",
              "graph g(x: f16[4]) -> (y) { a: f32[4] @ u8(scale=0.1, zp=100) = Cast(x) {to=f32} y = Cast(a) "
              "{to=f64} }");
  const auto chain = [](const char* a, const char* b, const char* c) {
    const std::string fine = " @ u8(scale=0.01, zp=100)", coarse = " @ u8(scale=0.1, zp=100)";
    const auto encoding = [&](const char* which) { return *which == 'A' ? fine : coarse; };
    return "graph g(x: f32[2,6]) -> (y) { s: i64[2] = [3, 4] t: i64[2] = [4, 3] u: i64[2] = [2, 6] r: "
           "f32[2,6]" +
           fine + " = Relu(x) a: f32[3,4]" + encoding(a) + " = Reshape(r, s) b: f32[4,3]" + encoding(b) +
           " = Reshape(a, t) c: f32[2,6]" + encoding(c) + " = Reshape(b, u) y = Neg(c) }";
  };
  expect_kept("merge_chains", chain("B", "A", "A"));
  expect_kept("merge_chains", chain("B", "A", "B"));
  // What comes behind the quantization is merged.
  Model m = model_of(chain("B", "B", "B"));
  const Tensor x = random_tensor({2, 6}, 1);
  const auto wanted = runtime::run_reference(m.graph, std::span(&x, 1));
  EXPECT_EQ(run_pass(m, "merge_chains").changes, 1);
  EXPECT_TRUE(tensors_equal(runtime::run_reference(m.graph, std::span(&x, 1))[0], wanted[0]));
}

// Time that grows with the square of the length would be minutes.
TEST(MergeChains, LongChainsOfUnknownShapes) {
  std::string text = "graph g(x: f32[N,M]) -> (y) { ";
  std::string last = "x";
  for (int i = 0; i < 20000; ++i) {
    const std::string next = "v" + std::to_string(i);
    text += next + " = Reshape(" + last + ", t) ";
    last = next;
  }
  text.replace(text.find("M]"), 2, "M], t: i64[2]");
  Model m = model_of(text + "y = Neg(" + last + ") }");
  EXPECT_EQ(run_pass(m, "merge_chains").changes, 0);
}

TEST(FoldShapeCode, AReshapeWithAFreeDimension) {
  Model m = model_of(R"(
  graph g(x: f32[N,3,4]) -> (y) {
    zero: i64[1] = [0]
    twelve: i64[1] = [12]
    s = Shape(x)
    n = Gather(s, zero)
    t = Concat(n, twelve) {axis=0}
    y = Reshape(x, t)
  })");
  EXPECT_EQ(run_pass(m, "fold_shape_code").changes, 1);
  run_pass(m, "eliminate_dead_nodes");
  m.graph.compact();
  EXPECT_EQ(print_graph(m.graph), print_graph(model_of(R"(
  graph g(x: f32[N,3,4]) -> (y) {
    t/folded: i64[2] = [0, 12]
    y = Reshape(x, t/folded)
  })")
                                                  .graph));
}

TEST(FoldShapeCode, KnownPartsOfFreeShapes) {
  Model m = model_of(R"(
  graph g(x: f32[?,3,4]) -> (y) {
    one: i64[1] = [1]
    s = Shape(x)
    c = Gather(s, one)
    f = Cast(c) {to=f32}
    y = Mul(x, f)
  })");
  const Tensor x = random_tensor({2, 3, 4}, 1);
  const auto wanted = runtime::run_reference(m.graph, std::span(&x, 1));
  EXPECT_EQ(run_pass(m, "fold_shape_code").changes, 1);
  EXPECT_EQ(run_pass(m, "eliminate_dead_nodes").changes, 3);
  EXPECT_TRUE(tensors_equal(runtime::run_reference(m.graph, std::span(&x, 1))[0], wanted[0]));
}

TEST(FoldShapeCode, TwoOpenDimensionsCannotBeSaid) {
  expect_unchanged("fold_shape_code", R"(
  graph g(x: f32[N,M,4]) -> (y) {
    one: i64[1] = [1]
    zero: i64[1] = [0]
    s = Shape(x)
    m = Gather(s, one)
    n = Gather(s, zero)
    t = Concat(m, n, one) {axis=0}
    y = Reshape(x, t)
  })");
}

std::string padded(const std::string& pads, const std::string& reader, const std::string& value = "0") {
  return "graph g(x: f32[1,2,5,5]) -> (y) { w: f32[2,2,3,3] = constant(normal, seed=1, scale=0.5) pads: "
         "i64[8] = [" +
         pads + "] v: f32[] = " + value + " p = Pad(x, pads, v) y = " + reader + " }";
}

void expect_padding_folds(const std::string& text) {
  Model m = model_of(text);
  const Tensor x = random_tensor({1, 2, 5, 5}, 1);
  const auto wanted = runtime::run_reference(m.graph, std::span(&x, 1));
  EXPECT_EQ(run_pass(m, "fold_pad").changes, 1) << text;
  run_pass(m, "eliminate_dead_nodes");
  EXPECT_EQ(m.graph.order().size(), 1u);
  const auto got = runtime::run_reference(m.graph, std::span(&x, 1));
  EXPECT_TRUE(tensors_close(got[0], wanted[0], {.absolute = 1e-6, .relative = 1e-6})) << text;
}

TEST(FoldPad, IntoConvolutionsAndPools) {
  expect_padding_folds(padded("0,0,1,2,0,0,0,1", "Conv(p, w)"));
  expect_padding_folds(padded("0,0,1,2,0,0,0,1", "Conv(p, w) {pads=[1,0,0,2], strides=[2,1]}"));
  expect_padding_folds(padded("0,0,1,2,0,0,0,1", "AveragePool(p) {kernel_shape=[3,3]}"));
  expect_padding_folds(
      padded("0,0,1,1,0,0,0,1", "AveragePool(p) {kernel_shape=[3,3], pads=[1,0,0,0], count_include_pad=1}"));
  expect_padding_folds(padded("0,0,1,1,0,0,0,1", "MaxPool(p) {kernel_shape=[2,2], strides=[2,2]}", "-inf"));
}

TEST(FoldPad, RefusesWhatIsNotExact) {
  for (const std::string& text :
       {padded("0,0,1,1,0,0,1,1", "Conv(p, w)", "1"),
        padded("0,0,1,1,0,0,1,1", "Conv(p, w) {auto_pad=\"SAME_UPPER\"}"),
        padded("0,0,1,1,0,0,1,1", "MaxPool(p) {kernel_shape=[3,3]}"),
        padded("0,0,3,0,0,0,0,0", "AveragePool(p) {kernel_shape=[3,3]}"),
        padded("0,0,1,0,0,0,0,0", "AveragePool(p) {kernel_shape=[2,2], strides=[2,2], ceil_mode=1}"),
        padded("0,0,1,1,0,0,1,1", "AveragePool(p) {kernel_shape=[3,3], pads=[1,1,1,1]}")}) {
    Model m = model_of(text);
    const passes::PassResult r = run_pass(m, "fold_pad");
    EXPECT_EQ(r.changes, 0) << text;
    EXPECT_EQ(r.notes.size(), 1u) << text;
  }
  expect_unchanged("fold_pad",
                   "graph g(x: f32[1,2,5,5]) -> (y) { w: f32[2,3,1,1] = constant(normal, seed=1, scale=1) "
                   "pads: i64[8] = [0,0,0,0,0,1,0,0] p = Pad(x, pads) y = Conv(p, w) }");
}

TEST(EliminateCommonSubexpressions, NodesAndConstants) {
  expect_rewrite("eliminate_common_subexpressions", R"(
  graph g(x: f32[2]) -> (y) {
    c: f32[2] = [1, 2]
    d: f32[2] = [1, 2]
    a = Add(x, c)
    b = Add(d, x)
    e = Neg(a)
    f = Neg(b)
    y = Mul(e, f)
  })",
                 R"(
  graph g(x: f32[2]) -> (y) {
    c: f32[2] = [1, 2]
    a = Add(x, c)
    e = Neg(a)
    y = Mul(e, e)
  })");
}

TEST(EliminateCommonSubexpressions, AnOutputKeepsItsName) {
  expect_rewrite("eliminate_common_subexpressions", R"(
  graph g(x: f32[2]) -> (y, z) {
    a = Neg(x)
    y = Neg(x)
    z = Relu(a)
  })",
                 R"(
  graph g(x: f32[2]) -> (y, z) {
    y = Neg(x) as a
    z = Relu(y)
  })");
}

TEST(EliminateCommonSubexpressions, WhatDiffersOrIsRandomOrTwiceAnOutputStays) {
  expect_unchanged("eliminate_common_subexpressions", R"(
  graph g(x: f32[2,2]) -> (a, b, c, d, e, f, h) {
    k: f32[1] = [1]
    l: f32[1,1] = [1]
    a = Neg(x)
    b = Neg(x)
    c = Softmax(x) {axis=0}
    d = Softmax(x) {axis=1}
    r = RandomNormalLike(x)
    s = RandomNormalLike(x)
    e = Sub(r, s)
    f = Sub(x, k)
    h = Sub(k, x)
  })");
}

TEST(InlineConstantIf, TheBranchStandsInItsPlaceWithNamesOfItsOwn) {
  expect_rewrite("inline_constant_if", R"(
  graph g(x: f32[2]) -> (y, z) {
    c: bool[] = 1
    a = Neg(x)
    y = If(c) {then_branch=graph t() -> (p) { k: f32[2] = [1, 2] b = Add(a, k) p = Relu(b) }, else_branch=graph e() -> (a) {}}
    z = If(c) {then_branch=graph t() -> (p) { k: f32[2] = [3, 4] b = Add(y, k) p = Exp(b) }, else_branch=graph e() -> (a) {}}
  })",
                 R"(
  graph g(x: f32[2]) -> (y, z) {
    k: f32[2] = [1, 2]
    k_1: f32[2] = [3, 4]
    a = Neg(x)
    b = Add(a, k)
    y = Relu(b) as p
    b_1 = Add(y, k_1)
    z = Exp(b_1) as p_1
  })");
}

TEST(InlineConstantIf, ResultsThatTheBranchDoesNotMake) {
  Model m = model_of(R"(
  graph g(x: f32[2]) -> (y, z, w) {
    c: bool[] = 0
    a = Neg(x)
    y, z, r = If(c) {then_branch=graph t() -> (p, p, p) { p = Relu(x) },
                     else_branch=graph e() -> (s, a, s) { s = Exp(a) }}
    w = Abs(r)
  })");
  const Tensor x = random_tensor({2}, 1);
  const auto wanted = runtime::run_reference(m.graph, std::span(&x, 1));
  EXPECT_EQ(run_pass(m, "inline_constant_if").changes, 1);
  EXPECT_FALSE(has_subgraphs(m.graph));
  const auto got = runtime::run_reference(m.graph, std::span(&x, 1));
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(tensors_equal(got[i], wanted[i])) << i;
}

TEST(InlineConstantIf, BranchesInBranches) {
  Model m = model_of(R"(
  graph g(x: f32[2], d: bool[]) -> (y) {
    c: bool[] = 1
    k: f32[2] = [1, 2]
    y = If(c) {
      then_branch=graph t() -> (p) {
        b = Add(x, k)
        p = If(d) {then_branch=graph tt() -> (q) { q = Mul(b, k) }, else_branch=graph te() -> (q) { q = Sub(b, x) }}
      },
      else_branch=graph e() -> (x) {}}
  })");
  const std::vector<Tensor> inputs = {random_tensor({2}, 1), Tensor::scalar<bool>(true)};
  const auto wanted = runtime::run_reference(m.graph, inputs);
  EXPECT_EQ(run_pass(m, "inline_constant_if").changes, 1);
  EXPECT_EQ(m.graph.order().size(), 2u);
  EXPECT_TRUE(tensors_equal(runtime::run_reference(m.graph, inputs)[0], wanted[0]));
}

TEST(InlineConstantIf, AnUnknownConditionStays) {
  expect_unchanged("inline_constant_if", R"(
  graph g(x: f32[2], c: bool[]) -> (y) {
    y = If(c) {then_branch=graph t() -> (p) { p = Relu(x) }, else_branch=graph e() -> (x) {}}
  })");
}

TEST(RunPassesUntilDone, WhatOnePassLeavesAnotherTakes) {
  runtime::register_evaluator();
  Model m = model_of(R"(
  graph g(x: f32[N,3]) -> (y) {
    one: i64[1] = [1]
    three: i64[1] = [3]
    s = Shape(x)
    n = Gather(s, one)
    c = Equal(n, three)
    scalar: i64[0] = []
    b = Reshape(c, scalar)
    y = If(b) {then_branch=graph t() -> (p) { i = Identity(x) p = Relu(i) }, else_branch=graph e() -> (x) {}}
  })");
  const passes::PassResult r = passes::run_passes_until_done(m, passes::simplification_for(13));
  EXPECT_EQ(r.by_pass.count("inline_constant_if"), 1u);
  EXPECT_EQ(m.graph.order().size(), 1u);
  EXPECT_EQ(passes::run_passes_until_done(m, passes::simplification_for(13)).changes, 0);
}

}  // namespace
}  // namespace precis::test
