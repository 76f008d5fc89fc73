// Comparing two models output by output, and the made-up samples for it.
#include <gtest/gtest.h>

#include "precis/core/check.h"
#include "precis/data/random_source.h"
#include "precis/flow/equality.h"
#include "precis/graph/op.h"
#include "precis/graph/text.h"
#include "tests/support/expect_error.h"

namespace precis::test {
namespace {

Graph graph_of(const std::string& text) {
  Graph g = parse_graph(text);
  infer_types(g);
  return g;
}

flow::Equality check_equal(const std::string& before, const std::string& after) {
  const Graph a = graph_of(before), b = graph_of(after);
  data::DataSpec spec;
  spec.path = "random";
  spec.count = 3;
  return flow::check_equal(a, b, *data::open_source(spec, flow::input_specs(a)), {});
}

constexpr const char* kSum = "graph g(x: f32[4]) -> (y) { c: f32[4] = [1, 2, 3, 4]  y = Add(x, c) }";

TEST(Equality, SameBits) {
  const flow::Equality e =
      check_equal(kSum, "graph g(x: f32[4]) -> (y) { c: f32[4] = [1, 2, 3, 4]  y = Add(c, x) }");
  EXPECT_EQ(e.samples, 3);
  ASSERT_EQ(e.outputs.size(), 1u);
  EXPECT_TRUE(e.outputs[0].bit_equal);
  EXPECT_TRUE(e.values_compared);
}

TEST(Equality, ASmallDifferenceIsAllowedAndTold) {
  const flow::Equality e =
      check_equal(kSum, "graph g(x: f32[4]) -> (y) { c: f32[4] = [1.00001, 2, 3, 4]  y = Add(c, x) }");
  EXPECT_FALSE(e.outputs[0].bit_equal);
  EXPECT_GT(e.outputs[0].difference, 1e-7);
  EXPECT_LT(e.outputs[0].difference, 1e-4);
}

constexpr const char* kOtherSum = "graph g(x: f32[4]) -> (y) { c: f32[4] = [1.01, 2, 3, 4]  y = Add(c, x) }";

TEST(Equality, ALargerOneIsNot) {
  EXPECT_ERROR(check_equal(kSum, kOtherSum), ErrorCode::kVerify,
               "output 'y' is not what it was on sample 0 of random data, 3 samples, seed 0: element 0 is");
}

TEST(Equality, IntegersAreExact) {
  constexpr const char* kCode = "graph g(x: f32[4]) -> (y) { c: i64[1] = [1000000]  y = Identity(c) }";
  constexpr const char* kOther = "graph g(x: f32[4]) -> (y) { c: i64[1] = [1000001]  y = Identity(c) }";
  EXPECT_TRUE(check_equal(kCode, kCode).outputs[0].bit_equal);
  EXPECT_ERROR(check_equal(kCode, kOther), ErrorCode::kVerify, "its integers are not the same");
}

TEST(Equality, ShapesAndNamesAreCompared) {
  constexpr const char* kColumn = "graph g(x: f32[4]) -> (y) { s: i64[2] = [4, 1]  y = Reshape(x, s) }";
  EXPECT_ERROR(check_equal(kSum, kColumn), ErrorCode::kVerify, "it is f32[4,1], it was f32[4]");
  EXPECT_ERROR(check_equal(kSum, "graph g(x: f32[4]) -> (z) { z = Relu(x) }"), ErrorCode::kVerify,
               "the outputs were y, they are z");
}

TEST(Equality, RandomModelsAreComparedByShape) {
  const char* const text = "graph g(x: f32[4]) -> (y) { y = RandomNormalLike(x) }";
  EXPECT_FALSE(check_equal(text, text).values_compared);
}

TEST(RandomSources, FreeDimensionsTakeTwoLengths) {
  const Graph g = graph_of("graph g(x: f32[N,5]) -> (y) { y = Relu(x) }");
  const flow::RandomSources r = flow::random_sources(g, {}, 2, {});
  ASSERT_EQ(r.sources.size(), 2u);
  EXPECT_EQ(r.sources[0]->get(0).inputs[0].shape(), (Shape{1, 5}));
  EXPECT_EQ(r.sources[1]->get(0).inputs[0].shape(), (Shape{3, 5}));
}

TEST(RandomSources, LengthsThatTheModelRefusesAreLeftOut) {
  const Graph g = graph_of(
      "graph g(x: f32[N,1,H,W]) -> (y) { w: f32[1,1,5,5] = constant(normal, seed=1, scale=0.1)  y = Conv(x, "
      "w) }");
  const flow::RandomSources r = flow::random_sources(g, {}, 2, {});
  ASSERT_EQ(r.sources.size(), 2u);
  EXPECT_EQ(r.sources[0]->get(0).inputs[0].shape(), (Shape{1, 1, 32, 32}));
  EXPECT_EQ(flow::random_sources(g, {Shape{2, 1, 6, 7}}, 2, {}).sources.size(), 1u);
}

TEST(RandomSources, AnUnknownRankIsRefused) {
  Graph g = graph_of("graph g(x: f32[4]) -> (y) { y = Relu(x) }");
  g.value(g.inputs()[0]).type.shape.reset();
  EXPECT_ERROR(flow::random_sources(g, {}, 2, {}), ErrorCode::kUsage, "input 'x' has an unknown rank");
}

}  // namespace
}  // namespace precis::test
