// Threads by work: none for what is over in microseconds.
#include "precis/runtime/step_threads.h"

#include <gtest/gtest.h>

#include "precis/graph/op.h"
#include "precis/graph/text.h"

namespace precis::runtime {
namespace {

Graph convolution(const std::string& channels, const std::string& size) {
  Graph graph =
      parse_graph("graph net(x: f32[1," + channels + "," + size + "," + size + "]) -> (y) {\n  w: f32[" +
                  channels + "," + channels + R"(,3,3] = constant(normal, seed=1, scale=0.1)
  c = Conv(x, w)
  y = Relu(c)
})");
  infer_types(graph);
  return graph;
}

TEST(StepThreads, WorkDecides) {
  const Graph large = convolution("64", "56"), small = convolution("8", "6");
  const auto large_ops = fuse(large, {}), small_ops = fuse(small, {});
  EXPECT_EQ(plan_threads(large, large_ops, 4), 4);
  EXPECT_EQ(step_threads(large, large_ops[0], 4), 4);
  EXPECT_EQ(plan_threads(small, small_ops, 4), 1);
  EXPECT_EQ(step_threads(small, small_ops[0], 4), 1);
  EXPECT_EQ(step_threads(large, large_ops[0], 1), 1);
}

// A chain of steps is worth threads where each step is, whatever their number.
TEST(StepThreads, StepsOfRecurrentNetworksDecide) {
  const auto chain = [](const std::string& hidden, const std::string& rows) {
    Graph graph = parse_graph("graph net(x: f32[50,1,10]) -> (y) { w: f32[1," + rows +
                              ",10] = constant(normal, seed=1, scale=0.1) r: f32[1," + rows + "," + hidden +
                              "] = constant(normal, seed=2, scale=0.1) y = LSTM(x, w, r) }");
    infer_types(graph);
    return step_threads(graph, fuse(graph, {})[0], 4);
  };
  EXPECT_EQ(chain("32", "128"), 1);
  EXPECT_EQ(chain("214", "856"), 4);
}

// 14 lines by 2 threads: halves of 7, as quarters of 4, 4, 4 and 2 leave one thread 8.
TEST(StepThreads, RangesShareTheWorkEvenly) {
  EXPECT_EQ(range_length(100, 1), 100);
  EXPECT_EQ(range_length(100, 1, 64), 100);
  EXPECT_EQ(range_length(0, 1), 1);
  EXPECT_EQ(range_length(0, 4, 8), 8);
  EXPECT_EQ(range_length(28, 2), 7);
  EXPECT_EQ(range_length(14, 2), 7);
  EXPECT_EQ(range_length(14 * 14, 2, 14), 7 * 14);
  EXPECT_EQ(range_length(1000, 2, 64), 256);
  EXPECT_EQ(range_length(10'000, 2, 64), 2560);
  EXPECT_EQ(range_length(3, 8), 1);
}

}  // namespace
}  // namespace precis::runtime
