// The observers: min-max, moving average and percentile; dispatch to the searching ones (mse_observer,
// entropy_observer).
#include "precis/quant/observer.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "precis/core/check.h"
#include "precis/quant/histogram_search.h"

namespace precis::quant {
namespace {

constexpr std::array<const char*, 5> kNames = {"minmax", "moving-average", "percentile", "mse", "entropy"};

// Value below which `count` of the histogram's elements lie, linear inside a bin.
double quantile(const StreamingHistogram& h, double count) {
  double seen = 0;
  for (size_t i = 0; i < h.counts().size(); ++i) {
    const double c = static_cast<double>(h.counts()[i]);
    if (c > 0 && seen + c >= count)
      return h.low() + (static_cast<double>(i) + (count - seen) / c) * h.bin_width();
    seen += c;
  }
  return h.low() + static_cast<double>(h.counts().size()) * h.bin_width();
}

Range percentile_range(const RangeStats& stats, double percentile) {
  check(percentile > 50 && percentile <= 100, ErrorCode::kUsage, "percentile {} is outside (50, 100]",
        percentile);
  const double n = static_cast<double>(stats.histogram.total());
  const double tail = (1 - percentile / 100) / 2 * n;
  const double lo = quantile(stats.histogram, tail), hi = quantile(stats.histogram, n - tail);
  return {std::max(stats.min, static_cast<float>(lo)), std::min(stats.max, static_cast<float>(hi))};
}

}  // namespace

const char* observer_name(ObserverKind kind) { return kNames[static_cast<size_t>(kind)]; }

std::optional<ObserverKind> observer_from_name(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i)
    if (name == kNames[i]) return static_cast<ObserverKind>(i);
  return std::nullopt;
}

Range choose_range(const RangeStats& stats, const GridSpec& grid, const ObserverOptions& options) {
  check(stats.samples > 0, ErrorCode::kUsage, "no calibration sample reached this value");
  const Range all{stats.min, stats.max};
  if (stats.min == stats.max) return all;  // a constant: nothing to search
  check(
      !needs_histogram(options.kind) || !stats.histogram.empty(), ErrorCode::kUsage,
      "observer {} needs histograms, and these ranges have none; calibrate again, or take --observer minmax",
      observer_name(options.kind));
  switch (options.kind) {
    case ObserverKind::kMinMax:
      return all;
    case ObserverKind::kMovingAverage:
      return {static_cast<float>(stats.ema_min), static_cast<float>(stats.ema_max)};
    case ObserverKind::kPercentile:
      return percentile_range(stats, options.percentile);
    case ObserverKind::kMse:
      return mse_range(stats, grid);
    case ObserverKind::kEntropy:
      return entropy_range(stats, grid);
  }
  fail(ErrorCode::kInternal, "unknown observer");
}

bool needs_histogram(ObserverKind kind) {
  return kind != ObserverKind::kMinMax && kind != ObserverKind::kMovingAverage;
}

}  // namespace precis::quant
