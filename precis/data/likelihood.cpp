// How likely a model finds the labels: nats, and perplexity from them.
#include <algorithm>
#include <cmath>

#include "precis/core/check.h"
#include "precis/data/metrics.h"

namespace precis::data {
namespace {

constexpr double kSmallestProbability = 1e-12;

// -ln p(label); where scores are NaN or infinite, the label counts as very unlikely.
double nats_of(std::span<const double> scores, int64_t label) {
  const double own = scores[static_cast<size_t>(label)], never = -std::log(kSmallestProbability);
  if (is_distribution(scores)) return -std::log(std::max(own, kSmallestProbability));
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0.0;
  for (const double s : scores) sum += std::exp(s - largest);
  const double nats = std::log(sum) + largest - own;
  return std::isfinite(nats) ? nats : never;
}

}  // namespace

void Likelihood::add(const Tensor& output, std::span<const int64_t> wanted, const std::string& origin) {
  const ScoreRows scores = score_rows(output);
  check(scores.rows == static_cast<int64_t>(wanted.size()), ErrorCode::kUsage,
        "{}: an output of shape {} is no row of scores for each of {} labels", origin, output.shape().str(),
        wanted.size());
  const auto classes = static_cast<size_t>(scores.classes);
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] < 0) continue;
    check(wanted[i] < scores.classes, ErrorCode::kUsage,
          "{}: label {} is out of range, the model has {} classes", origin, wanted[i], scores.classes);
    ++labels;
    nats += nats_of(std::span(scores.values).subspan(i * classes, classes), wanted[i]);
  }
}

void Likelihood::merge(const Likelihood& other) {
  labels += other.labels;
  nats += other.nats;
}

double Likelihood::nats_per_label() const { return labels == 0 ? 0.0 : nats / static_cast<double>(labels); }

}  // namespace precis::data
