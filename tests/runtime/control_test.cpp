// If, Loop, Scan and SequenceMap on small graphs, by both engines; captured values, budgets, bodies in
// bodies.
#include <gtest/gtest.h>

#include "precis/core/limits.h"
#include "precis/graph/captures.h"
#include "precis/graph/op.h"
#include "precis/graph/text.h"
#include "precis/runtime/reference_engine.h"
#include "precis/runtime/session.h"
#include "tests/support/expect_error.h"
#include "tests/support/tensor_compare.h"

namespace precis::runtime {
namespace {

using namespace precis::test;

Tensor floats(Shape shape, std::vector<float> v) {
  return Tensor::from<float>(std::move(shape), std::span<const float>(v));
}

Tensor truth(bool v) {
  Tensor t(DType::kBool, Shape{});
  *reinterpret_cast<uint8_t*>(t.bytes()) = v;
  return t;
}

// Both engines, twice: plans and sessions are kept between runs.
void expect_results(const std::string& text, const std::vector<Tensor>& inputs,
                    const std::vector<Tensor>& want) {
  const Graph graph = parse_graph(text);
  Session session(Program::compile(graph), 1);
  for (int run = 0; run < 2; ++run)
    for (const auto& got : {run_reference(graph, inputs), session.run(inputs)}) {
      ASSERT_EQ(got.size(), want.size());
      for (size_t i = 0; i < want.size(); ++i) EXPECT_TRUE(tensors_equal(got[i], want[i])) << "output " << i;
    }
}

TEST(Control, IfTakesOneBranchWithCapturedValues) {
  const std::string text = R"(graph g(c: bool[], x: f32[2]) -> (y) {
    w: f32[2] = [10, 20]
    h = Mul(x, x)
    y = If(c) {then_branch=graph t() -> (a) { a = Add(h, w) }, else_branch=graph e() -> (h) {}}
  })";
  expect_results(text, {truth(true), floats({2}, {1, 2})}, {floats({2}, {11, 24})});
  expect_results(text, {truth(false), floats({2}, {1, 2})}, {floats({2}, {1, 4})});
}

TEST(Control, BodiesInBodiesCaptureFromAllGraphsAround) {
  expect_results(R"(graph g(c: bool[], x: f32[2]) -> (y) {
    w: f32[2] = [10, 20]
    y = If(c) {
      then_branch=graph t() -> (a) {
        k: f32[2] = [1, 1]
        b = Add(x, k)
        a = If(c) {then_branch=graph tt() -> (d) { m = Mul(b, w) d = Add(m, k) },
                   else_branch=graph te() -> (f) { f = Neg(x) }}
      },
      else_branch=graph e() -> (x) {}}
  })",
                 {truth(true), floats({2}, {1, 2})}, {floats({2}, {21, 61})});
}

TEST(Control, LoopKeepsStatesAndStacksResults) {
  const std::string text = R"(graph g(n: i64[], s: f32[1]) -> (last, all) {
    step: f32[1] = [3]
    limit: f32[1] = [10]
    last, all = Loop(n, _, s) {body=graph b(i: i64[], go: bool[], v: f32[1]) -> (again, next, next) {
      next = Add(v, step)
      axes: i64[1] = [0]
      less = Less(next, limit)
      again = Squeeze(less, axes)
    }}
  })";
  expect_results(text, {Tensor::scalar<int64_t>(2), floats({1}, {0})},
                 {floats({1}, {6}), floats({2, 1}, {3, 6})});
  expect_results(text, {Tensor::scalar<int64_t>(99), floats({1}, {0})},
                 {floats({1}, {12}), floats({4, 1}, {3, 6, 9, 12})});
  expect_results(text, {Tensor::scalar<int64_t>(0), floats({1}, {7})},
                 {floats({1}, {7}), floats({0, 1}, {})});
}

TEST(Control, StatesMayGrow) {
  expect_results(R"(graph g(x: f32[1]) -> (y) {
    n: i64[] = 3
    y = Loop(n, _, x) {body=graph b(i: i64[], go: bool[], v: f32[n]) -> (go, w) { w = Concat(v, x) {axis=0} }}
  })",
                 {floats({1}, {5})}, {floats({4}, {5, 5, 5, 5})});
}

TEST(Control, ScanWalksAxesInBothDirections) {
  expect_results(R"(graph g(x: f32[2,3]) -> (sum, seen) {
    zero: f32[2] = [0, 0]
    sum, seen = Scan(zero, x) {num_scan_inputs=1, scan_input_axes=[1], scan_input_directions=[1], scan_output_axes=[1],
      body=graph b(s: f32[2], v: f32[2]) -> (t, t) { t = Add(s, v) }}
  })",
                 {floats({2, 3}, {1, 2, 3, 4, 5, 6})},
                 {floats({2}, {6, 15}), floats({2, 3}, {3, 5, 6, 6, 11, 15})});
}

TEST(Control, SequencesGoThroughLoops) {
  expect_results(R"(graph g(x: f32[3,2]) -> (y, count) {
    s = SplitToSequence(x)
    m = SequenceMap(s) {body=graph b(v: f32[1,2]) -> (w) { w = Neg(v) }}
    y = ConcatFromSequence(m) {axis=0}
    count = SequenceLength(m)
  })",
                 {floats({3, 2}, {1, 2, 3, 4, 5, 6})},
                 {floats({3, 2}, {-1, -2, -3, -4, -5, -6}), Tensor::scalar<int64_t>(3)});
}

TEST(Control, EndlessLoopsMeetTheirLimit) {
  const Limits before = limits();
  Limits few = before;
  few.max_loop_steps = 50;
  set_limits(few);
  const Graph g = parse_graph(R"(graph g(x: f32[1]) -> (y) {
    y = Loop(_, _, x) {body=graph b(i: i64[], go: bool[], v: f32[1]) -> (go, w) { w = Neg(v) }}
  })");
  const std::vector<Tensor> inputs{floats({1}, {1})};
  EXPECT_ERROR(run_reference(g, inputs), ErrorCode::kLimit,
               "node 'y' (precis::Loop): it took more than 50 steps");
  EXPECT_ERROR(Session(Program::compile(g), 1).run(inputs), ErrorCode::kLimit, "more than 50 steps");
  few.max_loop_steps = 0;
  few.max_loop_seconds = 0.01;
  set_limits(few);
  EXPECT_ERROR(run_reference(g, inputs), ErrorCode::kLimit, "ran longer than 0.01 seconds");
  set_limits(before);
}

TEST(Captures, ClosedAndOpenedAgainIsTheSameGraph) {
  const std::string text = R"(graph g(c: bool[], x: f32[2]) -> (y) {
    w: f32[2] = [10, 20]
    h = Mul(x, x)
    y = If(c) {else_branch=graph e() -> (n) { n = Neg(x) }, then_branch=graph t() -> (a) {
      a = If(c) {else_branch=graph te() -> (z) { z = Neg(h) }, then_branch=graph tt() -> (d) { d = Add(h, w) }}
    }}
  })";
  Graph g = parse_graph(text);
  const std::string open = print_graph(g);
  close_subgraphs(g, OuterConstants::kAsInputs);
  EXPECT_EQ(g.value(g.find_value("h")).uses.size(), 1u);
  EXPECT_EQ(closed_inputs(g.node(g.value(g.find_value("y")).producer)), 4u);  // c, h, w, x
  EXPECT_NO_THROW(infer_types(g));
  open_subgraphs(g);
  Graph again = parse_graph(text);
  infer_types(again);
  infer_types(g);
  EXPECT_EQ(print_graph(g), print_graph(again));
}

}  // namespace
}  // namespace precis::runtime
