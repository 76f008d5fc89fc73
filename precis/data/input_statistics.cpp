// Statistics of fed inputs.
#include "precis/data/input_statistics.h"

#include <algorithm>
#include <cmath>

#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis::data {
namespace {

// Two passes over one sample: the mean, then the squares around it, stable whatever the offset of the data.
template <typename At>
void add_values(InputStatistics& s, int64_t count, const At& at) {
  double sum = 0.0, squares = 0.0;
  for (int64_t i = 0; i < count; ++i) {
    const double x = at(i);
    if (!std::isfinite(x)) {
      ++s.non_finite;
      continue;
    }
    s.min = s.values == 0 ? x : std::min(s.min, x);
    s.max = s.values == 0 ? x : std::max(s.max, x);
    ++s.values;
    sum += x;
  }
  if (s.values == 0) return;
  s.mean = sum / static_cast<double>(s.values);
  for (int64_t i = 0; i < count; ++i) {
    const double d = at(i) - s.mean;
    if (std::isfinite(d)) squares += d * d;
  }
  s.stddev = std::sqrt(squares / static_cast<double>(s.values));
}

// Joins the moments of two sets (Chan, Golub and LeVeque 1979).
void merge_one(InputStatistics& a, const InputStatistics& b) {
  a.non_finite += b.non_finite;
  if (b.values == 0) return;
  const double n = static_cast<double>(a.values), m = static_cast<double>(b.values), total = n + m;
  a.min = a.values == 0 ? b.min : std::min(a.min, b.min);
  a.max = a.values == 0 ? b.max : std::max(a.max, b.max);
  const double delta = b.mean - a.mean;
  const double squares = a.stddev * a.stddev * n + b.stddev * b.stddev * m + delta * delta * n * m / total;
  a.mean += delta * m / total;
  a.stddev = std::sqrt(squares / total);
  a.values += b.values;
}

}  // namespace

std::vector<InputStatistics> sample_statistics(const Sample& sample, const std::vector<InputSpec>& inputs) {
  std::vector<InputStatistics> statistics(inputs.size());
  for (size_t k = 0; k < inputs.size(); ++k) {
    const Tensor& t = sample.inputs[k];
    InputStatistics& s = statistics[k];
    s.name = inputs[k].name;
    s.dtype = inputs[k].dtype;
    s.first_shape = t.shape();
    if (t.dtype() == DType::kF32)
      add_values(s, t.numel(),
                 [x = t.data<float>()](int64_t i) { return static_cast<double>(x[static_cast<size_t>(i)]); });
    else
      add_values(s, t.numel(), [&t](int64_t i) { return t.at_double(i); });
  }
  return statistics;
}

void merge_statistics(std::vector<InputStatistics>& into, const std::vector<InputStatistics>& later) {
  if (into.empty()) {
    into = later;
    return;
  }
  for (size_t k = 0; k < into.size(); ++k) merge_one(into[k], later[k]);
}

std::vector<InputStatistics> input_statistics(const DataSource& source, const std::vector<InputSpec>& inputs,
                                              int64_t samples) {
  std::vector<InputStatistics> statistics;
  for (int64_t i = 0; i < std::min(samples, source.size()); ++i)
    merge_statistics(statistics, sample_statistics(source.get(i), inputs));
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
