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

}  // namespace
}  // namespace precis::runtime
