// Metrics, intervals and input statistics against hand-computed values.
#include "precis/data/metrics.h"

#include <cmath>
#include <limits>

#include "precis/data/input_statistics.h"
#include "tests/data/data_test_support.h"

namespace precis::data {
namespace {

using namespace test;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tensor row(std::vector<float> values) {
  const auto n = static_cast<int64_t>(values.size());
  return Tensor::from<float>(Shape{1, n}, std::span<const float>(values));
}

Accuracy judge(const Tensor& output, int64_t label) {
  Accuracy a;
  a.add(output, std::span(&label, 1), "row 0");
  return a;
}

TEST(Accuracy, TiesGoToTheLowestIndex) {
  EXPECT_EQ(judge(row({1, 3, 3, 0}), 1).top1, 1);
  EXPECT_EQ(judge(row({1, 3, 3, 0}), 2).top1, 0);
  EXPECT_EQ(judge(row({0, 0, 0, 0, 0, 0, 0}), 4).top5, 1);
  EXPECT_EQ(judge(row({0, 0, 0, 0, 0, 0, 0}), 5).top5, 0);
}

TEST(Accuracy, NanNeverWins) {
  const float nan = std::nanf("");
  EXPECT_EQ(judge(row({nan, 1, 0}), 1).top1, 1);
  const Accuracy lost = judge(row({nan, 1, 0}), 0);
  EXPECT_EQ(lost.top1 + lost.top5, 0);
  EXPECT_EQ(lost.nan_samples, 1);
  EXPECT_EQ(judge(row({nan, nan}), 0).top5, 0);
  EXPECT_EQ(top_class(std::vector<double>{kNan, kNan}), -1);
}

TEST(Accuracy, FindsTheClassAxis) {
  EXPECT_EQ(judge(Tensor::from<float>(Shape{1, 3, 1, 1}, {0, 9, 1}), 1).top1, 1);
  EXPECT_EQ(judge(Tensor::from<float>(Shape{1, 1, 3}, {0, 9, 1}), 1).top1, 1);
  const ScoreRows picture = score_rows(Tensor::from<float>(Shape{1, 2, 1, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(picture.rows, 4);
  EXPECT_EQ(picture.classes, 2);
  EXPECT_THAT(picture.values, ::testing::ElementsAre(0, 4, 1, 5, 2, 6, 3, 7));
  EXPECT_EQ(score_rows(Tensor::from<float>(Shape{1, 2, 2}, {0, 1, 2, 3})).rows, 2);
}

TEST(Accuracy, BatchesSkipFilledRows) {
  Accuracy a;
  const std::vector<int64_t> labels = {1, -1};
  a.add(Tensor::from<float>(Shape{2, 2}, {0, 1, 1, 0}), labels, "row 0");
  EXPECT_EQ(a.samples, 1);
  EXPECT_EQ(a.top1, 1);
  Accuracy sum;
  sum.merge(a);
  sum.merge(a);
  EXPECT_EQ(sum.top1_rate(), 1.0);
  EXPECT_EQ(sum.samples, 2);
  EXPECT_EQ(Accuracy().top1_rate(), 0.0);
}

TEST(Accuracy, H06LabelOutOfRange) {
  expect_error([] { judge(row({0, 1}), 2); }, ErrorCode::kUsage, {"row 0", "label 2", "2 classes (0 to 1)"});
  expect_error(
      [] {
        judge(Tensor::from<float>(Shape{2, 2}, {0, 1, 2, 3}), 0);
      },
      ErrorCode::kUsage, {"[2,2]", "[batch, classes]"});
  expect_error([] { judge(Tensor(DType::kF32, Shape{0, 2}), 0); }, ErrorCode::kUsage, {"no scores"});
}

// Newcombe 1998, table I, method 3.
TEST(Intervals, Wilson) {
  const struct {
    int64_t successes, n;
    double low, high;
  } published[] = {
      {81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0.0, 0.1611}, {1, 29, 0.0061, 0.1718}};
  for (const auto& p : published) {
    EXPECT_NEAR(wilson_interval(p.successes, p.n).low, p.low, 5e-5);
    EXPECT_NEAR(wilson_interval(p.successes, p.n).high, p.high, 5e-5);
  }
  EXPECT_EQ(wilson_interval(0, 0).high, 1.0);
  EXPECT_EQ(wilson_interval(0, 10).low, 0.0);
  EXPECT_EQ(wilson_interval(10, 10).high, 1.0);
}

TEST(Intervals, PairedDifference) {
  PairedAccuracy p;
  for (int i = 0; i < 90; ++i) p.add(true, true);
  for (int i = 0; i < 6; ++i) p.add(true, false);
  for (int i = 0; i < 2; ++i) p.add(false, true);
  for (int i = 0; i < 2; ++i) p.add(false, false);
  EXPECT_EQ(p.samples(), 100);
  EXPECT_DOUBLE_EQ(p.difference(), -0.04);
  // p12 = 6.5/102, p21 = 2.5/102: d = -4/102, half = 1.96 sqrt((9/102 - d^2) / 102).
  const double d = -4.0 / 102, half = kNormal95 * std::sqrt((9.0 / 102 - d * d) / 102);
  EXPECT_NEAR(p.interval().low, d - half, 1e-15);
  EXPECT_NEAR(p.interval().high, d + half, 1e-15);
  EXPECT_LT(p.interval().low, p.difference());
  EXPECT_GT(p.interval().high, p.difference());
}

OutputError compare(const Tensor& a, const Tensor& b) {
  OutputError e;
  e.add(a, b);
  return e;
}

TEST(OutputError, HandComputed) {
  const OutputError e = compare(row({3, 4}), row({3, 3}));
  EXPECT_DOUBLE_EQ(e.sqnr_db(), 10 * std::log10(25.0));
  EXPECT_DOUBLE_EQ(e.max_abs, 1.0);
  EXPECT_DOUBLE_EQ(e.rmse(), std::sqrt(0.5));
  EXPECT_DOUBLE_EQ(e.cosine(), 21.0 / (5.0 * std::sqrt(18.0)));
  EXPECT_DOUBLE_EQ(e.agreement(), 0.0);  // 1 against the tie's lower index 0
}

TEST(OutputError, EqualAndZeroOutputs) {
  EXPECT_EQ(compare(row({1, 2}), row({1, 2})).sqnr_db(), kInfinity);
  EXPECT_EQ(compare(row({0, 0}), row({1, 2})).sqnr_db(), -kInfinity);
  EXPECT_EQ(compare(row({0, 0}), row({0, 0})).cosine(), 1.0);
  EXPECT_EQ(compare(row({0, 0}), row({0, 1})).cosine(), 0.0);
  EXPECT_EQ(OutputError().cosine(), 1.0);
}

TEST(OutputError, DivergenceOfDistributionsAndLogits) {
  const double expected = 0.75 * std::log(0.75 / 0.5) + 0.25 * std::log(0.25 / 0.5);
  EXPECT_NEAR(compare(row({0.75, 0.25}), row({0.5, 0.5})).divergence(), expected, 1e-12);
  EXPECT_NEAR(compare(row({std::log(3.0f), 0}), row({1, 1})).divergence(), expected, 1e-6);  // softmax first
  EXPECT_EQ(compare(row({5, 1}), row({5, 1})).divergence(), 0.0);
  EXPECT_TRUE(std::isfinite(compare(row({0.5, 0.5}), row({1, 0})).divergence()));
}

TEST(OutputError, NonFiniteValuesAreCountedAndSeen) {
  const float nan = std::nanf("");
  const OutputError e = compare(row({1, nan, 2}), row({1, 0, 2}));
  EXPECT_EQ(e.non_finite, 1);
  EXPECT_EQ(e.max_abs, kInfinity);
  EXPECT_EQ(e.rmse(), 0.0);
  EXPECT_EQ(compare(row({nan}), row({nan})).max_abs, 0.0);
}

TEST(OutputError, MergingInOrderEqualsOnePass) {
  OutputError whole, merged;
  for (int i = 0; i < 20; ++i) {
    const Tensor a = row({std::sin(static_cast<float>(i)), 1, 2}),
                 b = row({std::cos(static_cast<float>(i)), 1, 2.5f});
    whole.add(a, b);
    merged.merge(compare(a, b));
  }
  EXPECT_EQ(whole.sqnr_db(), merged.sqnr_db());
  EXPECT_EQ(whole.divergence(), merged.divergence());
  EXPECT_EQ(whole.cosine(), merged.cosine());
  EXPECT_EQ(whole.cosine_min, merged.cosine_min);
}

TEST(OutputError, ShapesMustMatch) {
  expect_error([] { compare(row({1, 2}), row({1})); }, ErrorCode::kUsage, {"[1,2]", "[1,1]"});
}

std::vector<std::string> warnings_of(const std::vector<float>& values, Pixels pixels = Pixels::kAsChosen) {
  const TempFolder folder;
  const std::string path =
      folder.write("x.npy", npy("<f4", "(1, " + std::to_string(values.size()) + ")", raw(values)));
  const std::vector<InputSpec> inputs = {input("x", {-1, static_cast<int64_t>(values.size())})};
  return range_warnings(input_statistics(*open(path, inputs), inputs), pixels);
}

TEST(InputStatistics, MomentsAndText) {
  const TempFolder folder;
  const std::string path = folder.write("x.npy", npy("<f4", "(2, 2)", raw<float>({1, 2, 3, 6})));
  const std::vector<InputSpec> inputs = {input("x", {-1, 2})};
  const auto s = input_statistics(*open(path, inputs), inputs);
  ASSERT_EQ(s.size(), 1u);
  EXPECT_EQ(s[0].min, 1);
  EXPECT_EQ(s[0].max, 6);
  EXPECT_EQ(s[0].mean, 3);
  EXPECT_DOUBLE_EQ(s[0].stddev, std::sqrt(3.5));
  EXPECT_EQ(statistics_text(s[0]), "input 'x' f32 [1,2]: min 1, max 6, mean 3, std 1.871");
}

TEST(InputStatistics, WarnsAboutImplausibleRanges) {
  EXPECT_TRUE(warnings_of({-1.5f, 0, 2}).empty());
  EXPECT_TRUE(warnings_of({0, 128, 255}).empty());
  ASSERT_EQ(warnings_of({0, 128, 255}, Pixels::kUnscaled).size(), 1u);
  EXPECT_THAT(warnings_of({0, 128, 255}, Pixels::kUnscaled)[0], ::testing::HasSubstr("raw pixels, 0 to 255"));
  EXPECT_THAT(warnings_of({0, 0.001f, 0.0039f})[0], ::testing::HasSubstr("scaled twice"));
  EXPECT_THAT(warnings_of({0.5f, 0.5f})[0], ::testing::HasSubstr("0.5 everywhere"));                  // H14
  EXPECT_THAT(warnings_of({1, std::nanf(""), 2})[0], ::testing::HasSubstr("1 values that are NaN"));  // H13
}

TEST(InputStatistics, H13NanIsNamed) {
  Sample sample;
  sample.origin = "row 3";
  sample.inputs = {row({0, std::nanf("")})};
  expect_error(
      [&] {
        check_finite(sample, {input("x", {1, 2})});
      },
      ErrorCode::kUsage, {"row 3", "input 'x'", "nan at element 1"});
}

}  // namespace
}  // namespace precis::data
