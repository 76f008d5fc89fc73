// Accuracy and its intervals.
#include "precis/data/metrics.h"

#include <algorithm>
#include <cmath>

#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis::data {
namespace {

// Axis of the class scores; see the head of the header.
int class_axis(const Shape& shape) {
  int axis = -1, not_one = 0;
  for (int i = 1; i < shape.rank(); ++i)
    if (shape[i] != 1) {
      axis = i;
      ++not_one;
    }
  if (not_one == 1) return axis;
  return shape.rank() >= 4 ? 1 : shape.rank() - 1;
}

double rate(int64_t part, int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

ScoreRows score_rows(const Tensor& output) {
  check(output.numel() > 0, ErrorCode::kUsage, "an output of shape {} has no scores", output.shape().str());
  ScoreRows scores;
  if (output.shape().rank() == 0) return {1, 1, {output.at_double(0)}};
  const int axis = class_axis(output.shape());
  const int64_t inner = output.shape().inner(axis + 1);
  scores.classes = output.shape()[axis];
  scores.rows = output.numel() / scores.classes;
  scores.values.reserve(static_cast<size_t>(output.numel()));
  const auto gather = [&](const auto& at) {
    for (int64_t row = 0; row < scores.rows; ++row)
      for (int64_t c = 0; c < scores.classes; ++c)
        scores.values.push_back(at((row / inner * scores.classes + c) * inner + row % inner));
  };
  if (output.dtype() == DType::kF32)
    gather([values = output.data<float>()](int64_t i) {
      return static_cast<double>(values[static_cast<size_t>(i)]);
    });
  else
    gather([&](int64_t i) { return output.at_double(i); });
  return scores;
}

int64_t top_class(std::span<const double> scores) {
  int64_t best = -1;
  for (size_t i = 0; i < scores.size(); ++i)
    if (!std::isnan(scores[i]) && (best < 0 || scores[i] > scores[static_cast<size_t>(best)]))
      best = static_cast<int64_t>(i);
  return best;
}

int64_t class_rank(std::span<const double> scores, int64_t label) {
  const double own = scores[static_cast<size_t>(label)];
  int64_t before = 0;
  if (std::isnan(own)) return static_cast<int64_t>(scores.size()) - 1;
  for (size_t i = 0; i < scores.size(); ++i)
    if (scores[i] > own || (scores[i] == own && static_cast<int64_t>(i) < label)) ++before;
  return before;
}

void Accuracy::add(const Tensor& output, std::span<const int64_t> labels, const std::string& origin) {
  const ScoreRows scores = score_rows(output);
  check(scores.rows == static_cast<int64_t>(labels.size()), ErrorCode::kUsage,
        "{}: an output of shape {} is no row of class scores for each of {} label(s); accuracy needs [batch, "
        "classes]",
        origin, output.shape().str(), labels.size());
  classes = scores.classes;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0) continue;
    check(labels[i] < scores.classes, ErrorCode::kUsage,
          "{}: label {} is out of range, the model has {} classes (0 to {}); do labels and model belong "
          "together?",
          origin, labels[i], scores.classes, scores.classes - 1);
    const auto row =
        std::span(scores.values)
            .subspan(i * static_cast<size_t>(scores.classes), static_cast<size_t>(scores.classes));
    const bool has_nan = std::any_of(row.begin(), row.end(), [](double v) { return std::isnan(v); });
    const bool counts = !std::isnan(row[static_cast<size_t>(labels[i])]);
    const int64_t rank = class_rank(row, labels[i]);
    ++samples;
    top1 += counts && rank < 1 ? 1 : 0;
    top5 += counts && rank < 5 ? 1 : 0;
    nan_samples += has_nan ? 1 : 0;
  }
}

void Accuracy::merge(const Accuracy& other) {
  samples += other.samples;
  top1 += other.top1;
  top5 += other.top5;
  nan_samples += other.nan_samples;
  classes = std::max(classes, other.classes);
}

double Accuracy::top1_rate() const { return rate(top1, samples); }
double Accuracy::top5_rate() const { return rate(top5, samples); }

Interval wilson_interval(int64_t successes, int64_t n) {
  if (n == 0) return {0.0, 1.0};
  const double count = static_cast<double>(n), p = static_cast<double>(successes) / count;
  const double z2 = kNormal95 * kNormal95;
  const double center = (p + z2 / (2.0 * count)) / (1.0 + z2 / count);
  const double half =
      kNormal95 / (1.0 + z2 / count) * std::sqrt(p * (1.0 - p) / count + z2 / (4.0 * count * count));
  // The bounds of a rate of exactly 0 or 1 are exact; rounding must not leave them.
  return {successes == 0 ? 0.0 : std::max(0.0, center - half),
          successes == n ? 1.0 : std::min(1.0, center + half)};
}

void PairedAccuracy::add(bool first_right, bool second_right) {
  int64_t& cell = first_right ? (second_right ? both : only_first) : (second_right ? only_second : neither);
  ++cell;
}

void PairedAccuracy::merge(const PairedAccuracy& other) {
  both += other.both;
  only_first += other.only_first;
  only_second += other.only_second;
  neither += other.neither;
}

double PairedAccuracy::difference() const { return rate(only_second - only_first, samples()); }

Interval PairedAccuracy::interval() const {
  const double n = static_cast<double>(samples()) + 2.0;
  const double first = (static_cast<double>(only_first) + 0.5) / n,
               second = (static_cast<double>(only_second) + 0.5) / n;
  const double d = second - first;
  const double half = kNormal95 * std::sqrt(std::max(0.0, first + second - d * d) / n);
  return {std::max(-1.0, d - half), std::min(1.0, d + half)};
}

}  // namespace precis::data
