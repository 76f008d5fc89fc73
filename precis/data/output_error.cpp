// The distance between two models' outputs.
#include <algorithm>
#include <cmath>
#include <limits>

#include "precis/core/check.h"
#include "precis/data/metrics.h"

namespace precis::data {
namespace {

constexpr double kSumTolerance = 1e-3;
constexpr double kSmallestProbability = 1e-12;

std::vector<double> softmax(std::span<const double> row) {
  const double largest = *std::max_element(row.begin(), row.end());
  std::vector<double> result;
  double sum = 0.0;
  for (double v : row) {
    result.push_back(std::exp(v - largest));
    sum += result.back();
  }
  for (double& v : result) v /= sum;
  return result;
}

double divergence_of(std::span<const double> reference, std::span<const double> output) {
  const bool ready = is_distribution(reference) && is_distribution(output);
  const auto as_given = [](std::span<const double> row) {
    return std::vector<double>(row.begin(), row.end());
  };
  const std::vector<double> p = ready ? as_given(reference) : softmax(reference);
  const std::vector<double> q = ready ? as_given(output) : softmax(output);
  double sum = 0.0;
  for (size_t i = 0; i < p.size(); ++i)
    if (p[i] > 0.0) sum += p[i] * std::log(p[i] / std::max(q[i], kSmallestProbability));
  return sum;
}

bool all_finite(std::span<const double> row) {
  return std::all_of(row.begin(), row.end(), [](double v) { return std::isfinite(v); });
}

double ratio_db(double signal, double noise) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (noise == 0.0) return kInfinity;
  return signal == 0.0 ? -kInfinity : 10.0 * std::log10(signal / noise);
}

double cosine_of(double dot, double a, double b) {
  if (a == 0.0 && b == 0.0) return 1.0;
  return a == 0.0 || b == 0.0 ? 0.0 : dot / (std::sqrt(a) * std::sqrt(b));
}

}  // namespace

bool is_distribution(std::span<const double> row) {
  double sum = 0.0;
  for (double v : row) {
    if (!(v >= 0.0)) return false;
    sum += v;
  }
  return std::fabs(sum - 1.0) <= kSumTolerance;
}

namespace {

constexpr size_t kLanes = 8;

struct SquareLanes {
  double reference[kLanes] = {}, error[kLanes] = {};
  float largest[kLanes] = {};

  void add(size_t lane, float x, float y) {
    const double a = static_cast<double>(x), d = a - static_cast<double>(y);
    reference[lane] += a * a;
    error[lane] += d * d;
    const float magnitude = std::fabs(x);
    largest[lane] = magnitude > largest[lane] ? magnitude : largest[lane];
  }
  bool finite() const {
    double sum = 0.0;
    for (size_t lane = 0; lane < kLanes; ++lane) sum += reference[lane] + error[lane];
    return std::isfinite(sum);
  }
};

// Lane of element i: i modulo kLanes.
SquareLanes all_squares(std::span<const float> reference, std::span<const float> output) {
  SquareLanes lanes;
  const size_t whole = reference.size() / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) lanes.add(lane, reference[i + lane], output[i + lane]);
  for (size_t i = whole; i < reference.size(); ++i) lanes.add(i - whole, reference[i], output[i]);
  return lanes;
}

SquareLanes finite_squares(std::span<const float> reference, std::span<const float> output) {
  SquareLanes lanes;
  for (size_t i = 0; i < reference.size(); ++i)
    if (std::isfinite(reference[i]) && std::isfinite(output[i]))
      lanes.add(i % kLanes, reference[i], output[i]);
  return lanes;
}

}  // namespace

void SquaredError::add(std::span<const float> reference, std::span<const float> output) {
  check(reference.size() == output.size(), ErrorCode::kInternal, "{} values compared with {}",
        reference.size(), output.size());
  SquareLanes lanes = all_squares(reference, output);
  if (!lanes.finite()) lanes = finite_squares(reference, output);
  values += static_cast<int64_t>(reference.size());
  for (size_t lane = 0; lane < kLanes; ++lane) {
    reference_squares += lanes.reference[lane];
    error_squares += lanes.error[lane];
    reference_max = std::max(reference_max, static_cast<double>(lanes.largest[lane]));
  }
}

void SquaredError::merge(const SquaredError& other) {
  values += other.values;
  reference_squares += other.reference_squares;
  error_squares += other.error_squares;
  reference_max = std::max(reference_max, other.reference_max);
}

double SquaredError::sqnr_db() const { return ratio_db(reference_squares, error_squares); }

void OutputError::add(const Tensor& reference, const Tensor& output) {
  check(reference.shape() == output.shape(), ErrorCode::kUsage,
        "outputs of shapes {} and {} cannot be compared; both models must give the same shape",
        reference.shape().str(), output.shape().str());
  ++samples;
  values += reference.numel();
  if (reference.numel() == 0) {
    cosine_sum += 1.0;
    return;
  }
  const ScoreRows a = score_rows(reference), b = score_rows(output);
  double dot = 0.0, a_squares = 0.0, b_squares = 0.0, errors = 0.0;
  for (size_t i = 0; i < a.values.size(); ++i) {
    const double x = a.values[i], y = b.values[i];
    if (!std::isfinite(x) || !std::isfinite(y)) {
      const bool equal = x == y || (std::isnan(x) && std::isnan(y));
      if (!equal) max_abs = std::numeric_limits<double>::infinity();
      non_finite += 1;
      continue;
    }
    dot += x * y;
    a_squares += x * x;
    b_squares += y * y;
    errors += (x - y) * (x - y);
    max_abs = std::max(max_abs, std::fabs(x - y));
  }
  reference_squares += a_squares;
  error_squares += errors;
  const double cosine = cosine_of(dot, a_squares, b_squares);
  cosine_sum += cosine;
  cosine_min = std::min(cosine_min, cosine);
  const auto classes = static_cast<size_t>(a.classes);
  for (size_t row = 0; row < static_cast<size_t>(a.rows); ++row) {
    const auto p = std::span(a.values).subspan(row * classes, classes),
               q = std::span(b.values).subspan(row * classes, classes);
    ++rows;
    agreeing_rows += top_class(p) == top_class(q) ? 1 : 0;
    if (all_finite(p) && all_finite(q)) divergence_sum += divergence_of(p, q);
  }
}

void OutputError::merge(const OutputError& other) {
  samples += other.samples;
  values += other.values;
  reference_squares += other.reference_squares;
  error_squares += other.error_squares;
  max_abs = std::max(max_abs, other.max_abs);
  cosine_sum += other.cosine_sum;
  cosine_min = std::min(cosine_min, other.cosine_min);
  divergence_sum += other.divergence_sum;
  rows += other.rows;
  agreeing_rows += other.agreeing_rows;
  non_finite += other.non_finite;
}

double OutputError::sqnr_db() const { return ratio_db(reference_squares, error_squares); }

double OutputError::cosine() const { return samples == 0 ? 1.0 : cosine_sum / static_cast<double>(samples); }

double OutputError::rmse() const {
  const int64_t finite = values - non_finite;
  return finite == 0 ? 0.0 : std::sqrt(error_squares / static_cast<double>(finite));
}

double OutputError::divergence() const {
  return rows == 0 ? 0.0 : divergence_sum / static_cast<double>(rows);
}

double OutputError::agreement() const {
  return rows == 0 ? 1.0 : static_cast<double>(agreeing_rows) / static_cast<double>(rows);
}

}  // namespace precis::data
