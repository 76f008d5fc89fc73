// The streaming histogram must give the same counts whatever the order and grouping of the data.
#include <gtest/gtest.h>

#include <algorithm>

#include "precis/core/rng.h"
#include "precis/quant/range_table.h"

namespace precis::quant {
namespace {

std::vector<float> wild_values(size_t n) {
  Rng rng(7);
  std::vector<float> v(n);
  for (size_t i = 0; i < n; ++i) v[i] = i % 5 == 0 ? 0.0f : rng.normal() * (i % 97 == 0 ? 300.0f : 0.01f);
  return v;
}

StreamingHistogram build(std::span<const float> v) {
  StreamingHistogram h;
  h.add(v, *std::min_element(v.begin(), v.end()), *std::max_element(v.begin(), v.end()));
  return h;
}

void expect_same(const StreamingHistogram& a, const StreamingHistogram& b) {
  EXPECT_EQ(a.bin_width(), b.bin_width());
  EXPECT_EQ(a.low(), b.low());
  EXPECT_EQ(a.counts(), b.counts());
}

TEST(StreamingHistogram, OrderAndGroupingDoNotMatter) {
  const auto v = wild_values(5000);
  const StreamingHistogram whole = build(v);
  EXPECT_EQ(whole.total(), 5000u);
  StreamingHistogram pieces, merged;
  for (size_t i = 0; i < v.size(); i += 100) {
    const auto part = std::span(v).subspan(i, 100);
    pieces.add(part, *std::min_element(part.begin(), part.end()), *std::max_element(part.begin(), part.end()));
  }
  for (size_t i = v.size(); i > 0; i -= 250) merged.merge(build(std::span(v).subspan(i - 250, 250)));
  expect_same(whole, pieces);
  expect_same(whole, merged);
}

TEST(StreamingHistogram, ValuesLieInTheirBins) {
  const std::vector<float> v = {-1.0f, -0.25f, 0.0f, 0.5f, 3.0f};
  const StreamingHistogram h = build(v);
  EXPECT_LE(h.low(), -1.0);
  EXPECT_LE(h.counts().size(), static_cast<size_t>(StreamingHistogram::kMaxBins));
  for (float x : v) {
    const size_t bin = static_cast<size_t>((x - h.low()) / h.bin_width());
    EXPECT_EQ(h.counts().at(bin), 1u) << x;
  }
}

TEST(StreamingHistogram, ExtremeMagnitudes) {
  const std::vector<float> tiny = {-1e-38f, 1e-45f, 0.0f}, huge = {-3e38f, 3e38f};
  StreamingHistogram h = build(tiny);
  h.merge(build(huge));
  EXPECT_EQ(h.total(), 5u);
  EXPECT_LE(h.counts().size(), static_cast<size_t>(StreamingHistogram::kMaxBins));
}

TEST(RangeStats, MergingEqualsOneRun) {
  Rng rng(3);
  RangeStats whole, first, second;
  for (int i = 0; i < 9; ++i) {
    std::vector<float> v(50);
    for (float& x : v) x = rng.normal() + 0.1f * static_cast<float>(i);
    whole.add_sample(v);
    (i < 4 ? first : second).add_sample(v);
  }
  first.merge(second);
  EXPECT_EQ(first.samples, 9u);
  EXPECT_EQ(first.min, whole.min);
  EXPECT_EQ(first.max, whole.max);
  EXPECT_NEAR(first.ema_min, whole.ema_min, 1e-12);
  EXPECT_NEAR(first.ema_max, whole.ema_max, 1e-12);
  EXPECT_EQ(first.histogram.counts(), whole.histogram.counts());
}

}  // namespace
}  // namespace precis::quant
