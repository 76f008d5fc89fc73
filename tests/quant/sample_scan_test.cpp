// What is counted over a sample is the same number in whatever order its elements lie, and equals the plain
// loops.
#include "precis/quant/sample_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "precis/core/rng.h"
#include "precis/quant/range_table.h"
#include "tests/support/expect_error.h"

namespace precis::quant {
namespace {

std::vector<float> normal_values(size_t n, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> v(n);
  for (float& x : v) x = rng.normal();
  return v;
}

// [N, C, spatial ...] -> N, spatial ..., C.
Tensor interleaved(const Tensor& t) {
  Tensor out = t.clone();
  const int64_t channels = t.shape()[1], pixels = t.shape().inner(2);
  for (int64_t i = 0; i < t.numel(); ++i) {
    const int64_t pixel = i % pixels, channel = i / pixels % channels, picture = i / pixels / channels;
    out.data<float>()[static_cast<size_t>((picture * pixels + pixel) * channels + channel)] =
        t.data<float>()[static_cast<size_t>(i)];
  }
  return out;
}

Tensor random_tensor(Shape shape, uint64_t seed) {
  const std::vector<float> values = normal_values(static_cast<size_t>(shape.numel()), seed);
  return Tensor::from<float>(std::move(shape), std::span<const float>(values));
}

TEST(SampleScan, ExtremesOfAnyLength) {
  for (size_t n = 1; n < 150; ++n) {
    const std::vector<float> v = normal_values(n, n);
    const Extremes e = find_extremes(v);
    EXPECT_EQ(e.min, *std::min_element(v.begin(), v.end())) << n;
    EXPECT_EQ(e.max, *std::max_element(v.begin(), v.end())) << n;
    EXPECT_TRUE(e.finite);
  }
}

TEST(SampleScan, OneBadValueAnywhereIsSeen) {
  for (float bad : {NAN, INFINITY, -INFINITY})
    for (size_t at = 0; at < 70; ++at) {
      std::vector<float> v = normal_values(70, 3);
      v[at] = bad;
      EXPECT_FALSE(find_extremes(v).finite) << bad << " at " << at;
    }
}

TEST(SampleScan, ZeroHasNoSign) {
  const Extremes e = find_extremes(std::vector<float>(40, -0.0f));
  EXPECT_FALSE(std::signbit(e.min));
  EXPECT_FALSE(std::signbit(e.max));
}

TEST(SampleScan, SumsAreInEightLanes) {
  for (size_t n : {1u, 7u, 8u, 13u, 64u, 1001u}) {
    const std::vector<float> v = normal_values(n, n);
    std::array<double, kSumLanes> lanes{};
    for (size_t i = 0; i < n; ++i) lanes[i % kSumLanes] += static_cast<double>(v[i]);
    double want = 0;
    for (double lane : lanes) want += lane;
    EXPECT_EQ(sum_values(v), want) << n;
  }
}

TEST(SampleScan, ChannelSumsDoNotDependOnTheLayout) {
  for (int64_t channels : {1, 3, 8, 16, 21})
    for (int64_t length : {1, 4, 7, 12}) {
      const Tensor plain = random_tensor({2, channels, length, 3}, static_cast<uint64_t>(channels * length));
      ChannelSums a, b;
      a.add(plain);
      b.add(interleaved(plain), true);
      EXPECT_EQ(a.sums, b.sums) << channels << " channels";
      EXPECT_EQ(a.count, b.count);
    }
}

TEST(SampleScan, SummariesNameTheRowMajorIndex) {
  Tensor plain = random_tensor({2, 5, 3, 3}, 9);
  const SampleSummary a = summarize(plain, false), b = summarize(interleaved(plain), true);
  EXPECT_EQ(a.min, b.min);
  EXPECT_EQ(a.max, b.max);
  EXPECT_EQ(a.elements, b.elements);
  plain.data<float>()[61] = std::numeric_limits<float>::infinity();
  plain.data<float>()[83] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_ERROR(summarize(plain, false), ErrorCode::kMalformed, "the value at index 61 is inf");
  EXPECT_ERROR(summarize(interleaved(plain), true), ErrorCode::kMalformed, "the value at index 61 is inf");
}

}  // namespace
}  // namespace precis::quant
