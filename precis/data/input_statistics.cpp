// Statistics of fed inputs.
#include "precis/data/input_statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

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

constexpr size_t kLanes = 8;

// The same for finite floats in one pass of eight interleaved sums, taken from the first value on; false, having done nothing, where a
// value is not finite.
bool add_finite(InputStatistics& s, std::span<const float> x) {
  if (x.empty()) return false;
  double sum[kLanes] = {}, squares[kLanes] = {};
  float lo[kLanes], hi[kLanes];
  std::fill_n(lo, kLanes, x[0]);
  std::fill_n(hi, kLanes, x[0]);
  const double origin = static_cast<double>(x[0]);
  const auto add = [&](size_t lane, float value) {
    const double d = static_cast<double>(value) - origin;
    sum[lane] += d;
    squares[lane] += d * d;
    lo[lane] = value < lo[lane] ? value : lo[lane];
    hi[lane] = value > hi[lane] ? value : hi[lane];
  };
  const size_t whole = x.size() / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) add(lane, x[i + lane]);
  for (size_t i = whole; i < x.size(); ++i) add(i - whole, x[i]);
  const double total = std::accumulate(sum, sum + kLanes, 0.0), total_squares = std::accumulate(squares, squares + kLanes, 0.0);
  if (!std::isfinite(total_squares)) return false;
  const double n = static_cast<double>(x.size());
  s.values = static_cast<int64_t>(x.size());
  s.min = static_cast<double>(*std::min_element(lo, lo + kLanes));
  s.max = static_cast<double>(*std::max_element(hi, hi + kLanes));
  s.mean = origin + total / n;
  s.stddev = std::sqrt(std::max(0.0, total_squares / n - total / n * (total / n)));
  return true;
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
    if (t.dtype() != DType::kF32 || !add_finite(s, t.data<float>()))
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
