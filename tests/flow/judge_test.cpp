// Which rows are judged, and which inner values can be compared.
#include "precis/flow/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "precis/flow/layer_probe.h"
#include "precis/graph/op.h"
#include "precis/graph/text.h"

namespace precis::flow {
namespace {

TEST(SpreadRows, AreTheRowsOfEvenSteps) {
  for (const int64_t size : {1, 7, 64, 100, 401})
    for (const int64_t count : {1, 3, 32, 64}) {
      std::vector<int64_t> want, got;
      for (int64_t k = 0; k < std::min(count, size); ++k) want.push_back(size <= count ? k : k * size / count);
      for (int64_t i = 0; i < size; ++i)
        if (is_spread_row(i, count, size)) got.push_back(i);
      EXPECT_EQ(got, want) << count << " of " << size;
    }
  EXPECT_TRUE(is_spread_row(5, -1, 10));
}

TEST(LayerProbe, LeavesOutWhatAFusedIntegerOperationDoesNotCompute) {
  Graph reference = parse_graph(R"(
graph net(x: f32[1,3,8,8]) -> (y) {
  w: f32[4,3,3,3] = constant(normal, seed=1, scale=0.3)
  a = Conv(x, w)
  r = Relu(a)
  y = MaxPool(r) {kernel_shape=[2,2], strides=[2,2]}
})");
  Graph candidate = parse_graph(R"(
graph net(x: f32[1,3,8,8]) -> (y) {
  w: f32[4,3,3,3] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-50, hi=50)
  q: f32[1,3,8,8] @ u8(scale=0.02, zp=128) = precis::Quantize(x)
  a: f32[1,4,6,6] = Conv(q, w)
  t: f32[1,4,6,6] = Relu(a)
  r: f32[1,4,6,6] @ u8(scale=0.02) = precis::Quantize(t)
  m: f32[1,4,3,3] @ u8(scale=0.02) = MaxPool(r) {kernel_shape=[2,2], strides=[2,2]}
  y = precis::Dequantize(m)
})");
  infer_types(reference);
  infer_types(candidate);
  EXPECT_THAT(LayerProbe(reference, candidate).names(), testing::ElementsAre("r", "y"));
  EXPECT_THAT(LayerProbe(reference, reference).names(), testing::ElementsAre("a", "r", "y"));
}

}  // namespace
}  // namespace precis::flow
