// Statistics of fed inputs.
#include "precis/data/input_statistics.h"

#include <algorithm>
#include <cmath>

#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis::data {
namespace {

// Welford's update: stable whatever the offset of the data.
class RunningMoments {
 public:
  void add(double x) {
    ++count_;
    min_ = count_ == 1 ? x : std::min(min_, x);
    max_ = count_ == 1 ? x : std::max(max_, x);
    const double delta = x - mean_;
    mean_ += delta / static_cast<double>(count_);
    squares_ += delta * (x - mean_);
  }
  void store(InputStatistics& s) const {
    s.values = count_;
    s.min = min_;
    s.max = max_;
    s.mean = mean_;
    s.stddev = count_ == 0 ? 0.0 : std::sqrt(squares_ / static_cast<double>(count_));
  }

 private:
  int64_t count_ = 0;
  double min_ = 0.0, max_ = 0.0, mean_ = 0.0, squares_ = 0.0;
};

}  // namespace

std::vector<InputStatistics> input_statistics(const DataSource& source, const std::vector<InputSpec>& inputs,
                                              int64_t samples) {
  std::vector<InputStatistics> statistics(inputs.size());
  std::vector<RunningMoments> moments(inputs.size());
  for (int64_t i = 0; i < std::min(samples, source.size()); ++i) {
    const Sample sample = source.get(i);
    for (size_t k = 0; k < inputs.size(); ++k) {
      const Tensor& t = sample.inputs[k];
      if (i == 0) statistics[k].first_shape = t.shape();
      for (int64_t e = 0; e < t.numel(); ++e) {
        const double value = t.at_double(e);
        if (std::isfinite(value))
          moments[k].add(value);
        else
          ++statistics[k].non_finite;
      }
    }
  }
  for (size_t k = 0; k < inputs.size(); ++k) {
    statistics[k].name = inputs[k].name;
    statistics[k].dtype = inputs[k].dtype;
    moments[k].store(statistics[k]);
  }
  return statistics;
}

std::string statistics_text(const InputStatistics& s) {
  return fmt::format("input '{}' {} {}: min {:.4g}, max {:.4g}, mean {:.4g}, std {:.4g}{}", printable(s.name),
                     dtype_name(s.dtype), s.first_shape.str(), s.min, s.max, s.mean, s.stddev,
                     s.non_finite == 0 ? "" : fmt::format(", {} not finite", s.non_finite));
}

std::vector<std::string> range_warnings(const std::vector<InputStatistics>& statistics, Pixels pixels) {
  std::vector<std::string> warnings;
  for (const InputStatistics& s : statistics) {
    const std::string name = printable(s.name);
    const double largest = std::max(std::fabs(s.min), std::fabs(s.max));
    if (s.non_finite != 0)
      warnings.push_back(
          fmt::format("input '{}' holds {} values that are NaN or infinite", name, s.non_finite));
    if (!is_float(s.dtype) || s.values == 0) continue;
    if (s.min == s.max && s.values > 1)
      warnings.push_back(fmt::format(
          "input '{}' is {:.4g} everywhere; its range teaches nothing: is the data right?", name, s.min));
    else if (pixels == Pixels::kUnscaled && s.min >= 0.0 && s.max > kRawPixelRange)
      warnings.push_back(
          fmt::format("input '{}' is fed raw pixels, {:.4g} to {:.4g}; most models want them scaled: give "
                      "--preprocess (raw if this is "
                      "meant)",
                      name, s.min, s.max));
    else if (largest < kTinyRange)
      warnings.push_back(fmt::format("input '{}' stays within +-{:.3g}; is it scaled twice?", name, largest));
  }
  return warnings;
}

void check_finite(const Sample& sample, const std::vector<InputSpec>& inputs) {
  for (size_t k = 0; k < inputs.size(); ++k) {
    const Tensor& t = sample.inputs[k];
    if (!is_float(t.dtype())) continue;
    for (int64_t i = 0; i < t.numel(); ++i) {
      const double value = t.at_double(i);
      check(std::isfinite(value), ErrorCode::kUsage,
            "sample {}: input '{}' is {} at element {}; data must be finite", sample.origin,
            printable(inputs[k].name), value, i);
    }
  }
}

}  // namespace precis::data
