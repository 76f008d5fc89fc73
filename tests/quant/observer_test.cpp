// Observers against golden values ("Practical Quantization in PyTorch", PyTorch blog, 2022) and hand-made
// histograms.
#include "precis/quant/observer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "precis/core/rng.h"
#include "precis/quant/histogram_search.h"

namespace precis::quant {
namespace {

const std::vector<float> kX1 = {-.0590f, 1.1674f, .7119f,  -1.1270f, -1.3974f, .5077f,
                                -.5601f, .0683f,  -.0929f, .9473f,   .7159f,   -.4574f};
const std::vector<float> kX2 = {-.0236f, -.7599f, 1.0290f, .8914f,  -1.1727f, -1.2556f,
                                -.2271f, .9568f,  -.25f,   1.4579f, 1.4707f,  .4043f};

RangeStats golden_stats() {
  RangeStats s;
  s.add_sample(kX1);
  s.add_sample(kX2);
  return s;
}

GridSpec symmetric_u8() { return {DType::kU8, 8, GridSpec::Symmetry::kSymmetric}; }

Encoding observe(const RangeStats& s, ObserverKind kind, GridSpec grid = {}) {
  ObserverOptions o;
  o.kind = kind;
  return encoding_from_range(choose_range(s, grid, o), grid);
}

TEST(GoldenObservers, MinMaxAffine) {
  const Encoding e = observe(golden_stats(), ObserverKind::kMinMax);
  EXPECT_NEAR(e.scale(), 0.0112475f, 5e-8f);
  EXPECT_EQ(e.zero_point(), 124);
}

TEST(GoldenObservers, MovingAverageAffine) {
  const Encoding e = observe(golden_stats(), ObserverKind::kMovingAverage);
  EXPECT_NEAR(e.scale(), 0.0100644f, 5e-8f);
  EXPECT_EQ(e.zero_point(), 139);
}

TEST(GoldenObservers, MovingAverageSymmetric) {
  const Encoding e = observe(golden_stats(), ObserverKind::kMovingAverage, symmetric_u8());
  EXPECT_NEAR(e.scale(), 0.0109489f, 5e-8f);
  EXPECT_EQ(e.zero_point(), 128);
}

TEST(GoldenObservers, MovingAveragePerChannelAffine) {
  const float scales[] = {.0089778f, .0074830f, .0055210f};
  const int zero_points[] = {125, 187, 82};
  for (size_t c = 0; c < 3; ++c) {
    RangeStats s;
    s.add_sample(std::span(kX1).subspan(4 * c, 4));
    s.add_sample(std::span(kX2).subspan(4 * c, 4));
    const Encoding e = observe(s, ObserverKind::kMovingAverage);
    EXPECT_NEAR(e.scale(), scales[c], 5e-8f) << c;
    EXPECT_EQ(e.zero_point(), zero_points[c]) << c;
  }
}

TEST(Observers, EveryRangeHoldsZeroExactly) {
  for (const Range r : {Range{3, 5}, Range{-5, -3}, Range{-1, 2}, Range{0, 1e-30f}, Range{-1e30f, 1}}) {
    const Encoding e = encoding_from_range(r, {});
    EXPECT_GE(e.zero_point(), 0);
    EXPECT_LE(e.zero_point(), 255);
    EXPECT_TRUE(std::isfinite(1.0f / e.scale()));
  }
}

TEST(Observers, ConstantAndEmptyRanges) {
  RangeStats zeros, sevens;
  zeros.add_sample(std::vector<float>(8, 0.0f));
  sevens.add_sample(std::vector<float>(8, 7.0f));
  for (auto kind : {ObserverKind::kMinMax, ObserverKind::kMovingAverage, ObserverKind::kPercentile,
                    ObserverKind::kMse, ObserverKind::kEntropy}) {
    EXPECT_EQ(observe(zeros, kind).scale(), 1.0f);
    EXPECT_FLOAT_EQ(observe(sevens, kind).scale(), 7.0f / 255);
  }
  EXPECT_THROW(choose_range(RangeStats{}, {}, {}), Error);
}

TEST(Observers, NonFiniteValuesAreNamedByIndex) {
  for (float bad : {NAN, INFINITY, -INFINITY}) {
    std::vector<float> v(37, 1.0f);
    v[36] = bad;  // the last one: a vectorised loop's tail
    RangeStats s;
    try {
      s.add_sample(v);
      FAIL();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kMalformed);
      EXPECT_NE(std::string(e.what()).find("index 36"), std::string::npos) << e.what();
    }
  }
}

TEST(Observers, ClippingObserversCutOutliers) {
  Rng rng(1);
  std::vector<float> v(100000);
  for (float& x : v) x = rng.normal();
  v[5] = 1000.0f;
  RangeStats s;
  s.add_sample(v);
  EXPECT_EQ(choose_range(s, {}, {ObserverKind::kMinMax}).max, 1000.0f);
  EXPECT_LT(choose_range(s, {}, {ObserverKind::kPercentile, 99.99}).max, 6.0f);
  EXPECT_LT(choose_range(s, {}, {ObserverKind::kEntropy}).max, 200.0f);
  // One value in 10^5 at 1000 costs 10 per element when cut: L2 rightly keeps a part of it, but never more
  // than min-max.
  const auto error = [&](ObserverKind k) { return histogram_mse(s.histogram, observe(s, k)); };
  EXPECT_LE(error(ObserverKind::kMse), error(ObserverKind::kMinMax));
  EXPECT_LE(error(ObserverKind::kMse), error(ObserverKind::kPercentile));
}

// A ReLU6: half of the values are zero, a tenth sits at the upper end. Both are codes, and no reason to clip.
TEST(Observers, EntropyIsNotMisledBySpikesAtTheCodes) {
  Rng rng(3);
  std::vector<float> v(100000);
  for (float& x : v) x = std::min(std::max(rng.normal() * 4.0f, 0.0f), 6.0f);
  RangeStats s;
  s.add_sample(v);
  EXPECT_GT(choose_range(s, {}, {ObserverKind::kEntropy}).max, 5.0f);
}

Range entropy_of(const std::vector<float>& values) {
  RangeStats s;
  s.add_sample(values);
  return choose_range(s, {}, {ObserverKind::kEntropy});
}

// Cut to its first bin, all of the distribution would lie in one bin, and so would its quantized form.
TEST(Observers, EntropyCountsWhatItCuts) {
  Rng rng(4);
  std::vector<float> v(100000);
  for (float& x : v) x = rng.uniform(8 * 295.5f / 2048, 8);
  EXPECT_GT(entropy_of(v).max, 7.5f);
  // A spike must not take in what is above it.
  for (size_t i = 0; i < v.size(); ++i) v[i] = i % 10 < 3 ? 8 * 255.5f / 2048 : rng.uniform(0, 8);
  EXPECT_GT(entropy_of(v).max, 7.0f);
}

TEST(Observers, EntropyOfFewValuesKeepsThem) {
  Rng rng(5);
  std::vector<float> v(1500);
  for (float& x : v) x = -std::log(1 - rng.uniform());
  EXPECT_EQ(entropy_of(v).max, *std::max_element(v.begin(), v.end()));
}

// The unevenness of the bins is the data's: a factor moves the range with the data.
TEST(Observers, EntropyDoesNotDependOnTheScale) {
  Rng rng(6);
  std::vector<float> v(1000000);
  for (float& x : v) x = rng.normal();
  const float alone = entropy_of(v).max;
  for (float factor : {1.1f, 1.2f, 1.35f, 1.5f, 1.7f, 1.9f}) {
    std::vector<float> scaled = v;
    for (float& x : scaled) x *= factor;
    EXPECT_NEAR(entropy_of(scaled).max / factor, alone, 0.1f * alone) << factor;
  }
}

TEST(Observers, MseOfAGaussianClipsNearFourSigma) {
  Rng rng(2);
  std::vector<float> v(400000);
  for (float& x : v) x = rng.normal();
  RangeStats s;
  s.add_sample(v);
  const Range r8 = choose_range(s, {}, {ObserverKind::kMse});
  EXPECT_GT(r8.max, 3.3f);
  EXPECT_LT(r8.max, 4.5f);
  // Optimal clipping of a unit Gaussian for a 4-bit uniform quantizer is about 2.7 sigma (Max, 1960).
  const Range r4 = choose_range(s, {DType::kI8, 4, GridSpec::Symmetry::kSymmetric}, {ObserverKind::kMse});
  EXPECT_NEAR(r4.max, 2.6f, 0.3f);
}

TEST(Observers, NamesRoundTrip) {
  for (auto kind : {ObserverKind::kMinMax, ObserverKind::kMovingAverage, ObserverKind::kPercentile,
                    ObserverKind::kMse, ObserverKind::kEntropy})
    EXPECT_EQ(observer_from_name(observer_name(kind)), kind);
  EXPECT_FALSE(observer_from_name("max").has_value());
}

}  // namespace
}  // namespace precis::quant
