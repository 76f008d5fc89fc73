// RangeStats: one sample's extremes, moving average, moments and histogram; exact merging of two runs of samples.
#include <algorithm>
#include <cmath>

#include "precis/core/check.h"
#include "precis/quant/range_table.h"

namespace precis::quant {
namespace {

struct Extremes {
  float min, max;
};

// NaN fails every comparison and infinities fail `< inf`, so one flag catches both whatever lane they sit in.
Extremes finite_extremes(std::span<const float> values) {
  float lo = values[0], hi = values[0];
  bool finite = true;
  for (float x : values) {
    finite &= std::fabs(x) <= 3.4028234663852886e38f;
    lo = x < lo ? x : lo;
    hi = x > hi ? x : hi;
  }
  if (!finite) {
    const auto bad = std::find_if(values.begin(), values.end(), [](float x) { return !std::isfinite(x); });
    fail(ErrorCode::kMalformed, "the value at index {} is {}, expected finite numbers", bad - values.begin(), *bad);
  }
  return {lo, hi};
}

}  // namespace

void RangeStats::add_sample(std::span<const float> values) {
  if (values.empty()) return;
  const Extremes e = finite_extremes(values);
  if (samples == 0) {
    min = e.min;
    max = e.max;
    ema_min = first_min = e.min;
    ema_max = first_max = e.max;
  } else {
    min = std::min(min, e.min);
    max = std::max(max, e.max);
    ema_min += kMovingAverageRate * (e.min - ema_min);
    ema_max += kMovingAverageRate * (e.max - ema_max);
  }
  double s = 0, s2 = 0;
  for (float x : values) {
    s += x;
    s2 += static_cast<double>(x) * x;
  }
  sum += s;
  sum_squares += s2;
  ++samples;
  elements += values.size();
  histogram.add(values, e.min, e.max);
}

void RangeStats::merge(const RangeStats& later) {
  if (later.samples == 0) return;
  if (samples == 0) {
    *this = later;
    return;
  }
  // Where `later` started its average from its first sample x0, the joined run starts it from m + c (x0 - m): the
  // difference fades by (1 - c) with each of its further samples.
  const double fade = std::pow(1.0 - kMovingAverageRate, static_cast<double>(later.samples - 1));
  const auto join = [&](double mine, double theirs, double first) {
    return theirs + fade * (1.0 - kMovingAverageRate) * (mine - first);
  };
  ema_min = join(ema_min, later.ema_min, later.first_min);
  ema_max = join(ema_max, later.ema_max, later.first_max);
  min = std::min(min, later.min);
  max = std::max(max, later.max);
  samples += later.samples;
  elements += later.elements;
  sum += later.sum;
  sum_squares += later.sum_squares;
  histogram.merge(later.histogram);
}

const RangeStats* RangeTable::find(std::string_view key) const {
  const auto it = entries.find(key);
  return it == entries.end() ? nullptr : &it->second;
}

void RangeTable::merge(const RangeTable& later) {
  check(graph_hash.empty() || later.graph_hash.empty() || graph_hash == later.graph_hash, ErrorCode::kUsage,
        "range tables of two different models cannot be merged: prepared graphs {} and {}; calibrate both on the same model",
        graph_hash.substr(0, 12), later.graph_hash.substr(0, 12));
  if (graph_hash.empty()) graph_hash = later.graph_hash;
  data_hash = data_hash.empty() ? later.data_hash : later.data_hash.empty() ? data_hash : data_hash + "+" + later.data_hash;
  for (const auto& [key, stats] : later.entries) entries[key].merge(stats);
}

}  // namespace precis::quant
