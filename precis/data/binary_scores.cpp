// One score a sample: ranking of positive and negative samples.
#include <algorithm>
#include <cmath>
#include <limits>

#include "precis/core/check.h"
#include "precis/data/metrics.h"

namespace precis::data {

void BinaryScores::add(std::span<const double> values, std::span<const int64_t> labels,
                       const std::string& origin) {
  check(!values.empty() && (labels.size() == 1 || labels.size() == values.size()), ErrorCode::kUsage,
        "{}: {} scores for {} labels; expected one label for all, or one each", origin, values.size(),
        labels.size());
  const auto known = [](double v) { return std::isnan(v) ? -std::numeric_limits<double>::infinity() : v; };
  const auto larger = [&](double a, double b) { return known(a) < known(b); };
  if (labels.size() == 1) {
    scores.emplace_back(known(*std::max_element(values.begin(), values.end(), larger)), labels[0] > 0);
    return;
  }
  for (size_t i = 0; i < values.size(); ++i)
    if (labels[i] >= 0) scores.emplace_back(known(values[i]), labels[i] > 0);
}

void BinaryScores::merge(const BinaryScores& other) {
  scores.insert(scores.end(), other.scores.begin(), other.scores.end());
}

// Mann and Whitney: from the sum of the positive samples' ranks, equal scores sharing their mean rank.
double BinaryScores::auc() const {
  std::vector<std::pair<double, bool>> sorted = scores;
  std::sort(sorted.begin(), sorted.end());
  double rank_sum = 0.0, positives = 0.0;
  for (size_t i = 0; i < sorted.size();) {
    size_t end = i;
    double here = 0.0;
    for (; end < sorted.size() && sorted[end].first == sorted[i].first; ++end)
      here += sorted[end].second ? 1.0 : 0.0;
    rank_sum += here * (static_cast<double>(i + end + 1) / 2.0);
    positives += here;
    i = end;
  }
  const double negatives = static_cast<double>(sorted.size()) - positives;
  if (positives == 0.0 || negatives == 0.0) return 0.5;
  return (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives);
}

}  // namespace precis::data
