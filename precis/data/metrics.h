// Metrics on outputs: accuracy against labels, and how far a second model's outputs are from the first one's.
// All are accumulators: filled sample by sample (in parallel: one accumulator a sample, merged in sample
// order, so the result does not depend on the thread count); sums are double and run in element order.
//
// A *row of scores* is the class axis of an output: of a [batch, ...] output whose dimensions behind the
// batch have one that is not 1, that one; otherwise axis 1 for four and more dimensions (pictures), the last
// axis for fewer (sequences). NaN scores rank below all others; among equal scores the lowest index wins, as
// in ArgMax.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "precis/core/tensor.h"

namespace precis::data {

// Scores laid out as rows of `classes` values.
struct ScoreRows {
  int64_t rows = 0, classes = 0;
  std::vector<double> values;
};
// Error(kUsage) for an output without elements.
ScoreRows score_rows(const Tensor& output);
// Index of the largest score, or -1 when all are NaN.
int64_t top_class(std::span<const double> scores);
// How many classes rank before `label`: 0 = it is the top class. A label whose score is NaN ranks last.
int64_t class_rank(std::span<const double> scores, int64_t label);

// No value negative, and the sum 1 within 1e-3.
bool is_distribution(std::span<const double> scores);

struct Accuracy {
  int64_t samples = 0, top1 = 0, top5 = 0;
  int64_t nan_samples = 0;  // with a NaN among the scores
  int64_t classes = 0;

  // `output`: class scores of a batch, one row a label; rows with label -1 are skipped.
  // Error(kUsage) naming `origin` for a label the model has no class for, and for outputs that are no rows of
  // class scores.
  void add(const Tensor& output, std::span<const int64_t> labels, const std::string& origin);
  void merge(const Accuracy& other);
  double top1_rate() const;  // 0 for no samples
  double top5_rate() const;
};

// How likely a model finds the labels. Scores that are no distribution go through softmax, as in
// OutputError::divergence.
struct Likelihood {
  int64_t labels = 0;
  double nats = 0.0;  // sum of -ln p(label)

  void add(const Tensor& output, std::span<const int64_t> labels,
           const std::string& origin);  // as Accuracy::add
  void merge(const Likelihood& other);
  double nats_per_label() const;  // 0 for none
};

// Models with one score a sample: how well it tells positive samples (labels above 0) from negative ones
// (label 0). Of several scores for one label (the calls of a sound) the largest counts; NaN counts as minus
// infinity.
struct BinaryScores {
  std::vector<std::pair<double, bool>> scores;  // and whether the sample is positive

  // One label for all values, or one a value. Error(kUsage) naming `origin` when neither fits.
  void add(std::span<const double> values, std::span<const int64_t> labels, const std::string& origin);
  void merge(const BinaryScores& other);
  // The share of pairs of a positive and a negative sample that are ranked right; ties count half. 0.5 when
  // one kind is missing.
  double auc() const;
};

struct Interval {
  double low = 0.0, high = 0.0;
};
inline constexpr double kNormal95 = 1.959963984540054;
// Wilson's score interval of a rate (Wilson 1927), 95 %; [0, 1] when n is 0.
Interval wilson_interval(int64_t successes, int64_t n);

// Two models judged on the same samples.
struct PairedAccuracy {
  int64_t both = 0, only_first = 0, only_second = 0, neither = 0;
  void add(bool first_right, bool second_right);
  void merge(const PairedAccuracy& other);
  int64_t samples() const { return both + only_first + only_second + neither; }
  double difference() const;  // second minus first, as rates
  // 95 % interval of the difference: Wald with half a sample added to each of the four cells (Agresti and Min
  // 2005).
  Interval interval() const;
};

// Squared errors alone: for values inside a model, where rows of scores mean nothing. Sums run in eight
// interleaved lanes, joined in order, so they are the same on every CPU; values that are NaN or infinite in
// one of the two are left out.
struct SquaredError {
  int64_t values = 0;
  double reference_squares = 0.0, error_squares = 0.0;
  double reference_max = 0.0;  // largest magnitude

  void add(std::span<const float> reference,
           std::span<const float> output);  // Error(kInternal) when the sizes differ
  void merge(const SquaredError& other);
  double sqnr_db() const;  // as OutputError::sqnr_db
};

// One output of a model against the same output of a reference model.
struct OutputError {
  int64_t samples = 0, values = 0;
  double reference_squares = 0.0, error_squares = 0.0;
  double max_abs = 0.0;
  double cosine_sum = 0.0, cosine_min = 1.0;
  double divergence_sum = 0.0;
  int64_t rows = 0, agreeing_rows = 0;
  int64_t non_finite =
      0;  // elements that are NaN or infinite in one of the two; left out of the sums unless equal

  // One sample. Error(kUsage) naming both shapes when they differ.
  void add(const Tensor& reference, const Tensor& output);
  void merge(const OutputError& other);

  // 10 log10(sum reference^2 / sum (reference - output)^2) over all samples; +infinity when equal, -infinity
  // when only the reference is zero.
  double sqnr_db() const;
  double cosine() const;  // mean over samples; two all-zero outputs count 1, one all-zero output 0
  double rmse() const;
  // Kullback-Leibler divergence sum p ln(p / q), mean over rows of scores, p from the reference. A row that
  // is no distribution yet (negative values, or a sum that is not 1 within 1e-3) goes through softmax; q is
  // at least 1e-12.
  double divergence() const;
  double agreement() const;  // share of rows of scores with the same top class
};

}  // namespace precis::data
