// RangeStats: one sample's extremes, moving average and histogram; channel sums; exact merging of two runs of
// samples.
#include <algorithm>
#include <cmath>

#include "precis/core/check.h"
#include "precis/quant/range_table.h"
#include "precis/quant/sample_scan.h"

namespace precis::quant {
namespace {

[[noreturn]] void fail_not_finite(std::span<const float> values) {
  const auto bad = std::find_if(values.begin(), values.end(), [](float x) { return !std::isfinite(x); });
  fail(ErrorCode::kMalformed, "the value at index {} is {}, expected finite numbers", bad - values.begin(),
       *bad);
}

// A tensor [N, C, spatial ...] with its channels last as N pictures of pixels of channels.
struct Pictures {
  size_t batch, channels, pixels;
  explicit Pictures(const Shape& s)
      : batch(static_cast<size_t>(s[0])),
        channels(static_cast<size_t>(s[1])),
        pixels(static_cast<size_t>(s.inner(2))) {}
};

std::vector<float> row_major(std::span<const float> values, const Pictures& p) {
  std::vector<float> out(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t channel = i % p.channels, pixel = i / p.channels % p.pixels,
                 picture = i / p.channels / p.pixels;
    out[(picture * p.channels + channel) * p.pixels + pixel] = values[i];
  }
  return out;
}

// The lanes of a plane are its pixels modulo the number of lanes, as in sum_values().
void add_channels_last(std::vector<double>& sums, std::span<const float> values, const Pictures& p) {
  std::vector<double> lanes(kSumLanes * p.channels);
  for (size_t n = 0; n < p.batch; ++n) {
    std::fill(lanes.begin(), lanes.end(), 0.0);
    add_pixels(values.subspan(n * p.pixels * p.channels, p.pixels * p.channels), p.channels, lanes.data());
    for (size_t c = 0; c < p.channels; ++c) {
      double sum = 0;
      for (size_t lane = 0; lane < kSumLanes; ++lane) sum += lanes[lane * p.channels + c];
      sums[c] += sum;
    }
  }
}

}  // namespace

SampleSummary summarize(std::span<const float> values) {
  if (values.empty()) return {};
  const Extremes e = find_extremes(values);
  if (!e.finite) fail_not_finite(values);
  return {e.min, e.max, values.size()};
}

SampleSummary summarize(const Tensor& values, bool channels_last) {
  const std::span<const float> all = values.data<float>();
  if (!channels_last || all.empty()) return summarize(all);
  const Extremes e = find_extremes(all);
  if (!e.finite) fail_not_finite(row_major(all, Pictures(values.shape())));
  return {e.min, e.max, all.size()};
}

void RangeStats::add_summary(const SampleSummary& s) {
  if (s.elements == 0) return;
  if (samples == 0) {
    min = s.min;
    max = s.max;
    ema_min = first_min = static_cast<double>(s.min);
    ema_max = first_max = static_cast<double>(s.max);
  } else {
    min = std::min(min, s.min);
    max = std::max(max, s.max);
    ema_min += kMovingAverageRate * (static_cast<double>(s.min) - ema_min);
    ema_max += kMovingAverageRate * (static_cast<double>(s.max) - ema_max);
  }
  ++samples;
  elements += s.elements;
}

void RangeStats::add_sample(std::span<const float> values) {
  const SampleSummary s = summarize(values);
  if (s.elements == 0) return;
  add_summary(s);
  histogram.add(values, s.min, s.max);
}

void RangeStats::merge(const RangeStats& later) {
  if (later.samples == 0) return;
  if (samples == 0) {
    *this = later;
    return;
  }
  // Where `later` started its average from its first sample x0, the joined run starts it from m + c (x0 - m):
  // the difference fades by (1 - c) with each of its further samples.
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
  histogram.merge(later.histogram);
}

void ChannelSums::add(const Tensor& values, bool channels_last) {
  const Shape& shape = values.shape();
  check(shape.rank() >= 2, ErrorCode::kInternal, "channel sums of a value of shape {}", shape.str());
  const size_t channels = static_cast<size_t>(shape[1]), inner = static_cast<size_t>(shape.inner(2));
  ChannelSums sample{std::vector<double>(channels, 0.0), static_cast<uint64_t>(shape[0]) * inner};
  const std::span<const float> all = values.data<float>();
  if (channels_last && !all.empty())
    add_channels_last(sample.sums, all, Pictures(shape));
  else
    for (size_t plane = 0; inner > 0 && plane * inner < all.size(); ++plane)
      sample.sums[plane % channels] += sum_values(all.subspan(plane * inner, inner));
  merge(sample);
}

void ChannelSums::merge(const ChannelSums& later) {
  if (sums.empty()) sums.resize(later.sums.size(), 0.0);
  check(sums.size() == later.sums.size(), ErrorCode::kUsage,
        "a value has {} channels for some samples and {} for others", sums.size(), later.sums.size());
  for (size_t c = 0; c < sums.size(); ++c) sums[c] += later.sums[c];
  count += later.count;
}

const ChannelSums* RangeTable::channels_of(std::string_view key) const {
  const auto it = channels.find(key);
  return it == channels.end() ? nullptr : &it->second;
}

const RangeStats* RangeTable::find(std::string_view key) const {
  const auto it = entries.find(key);
  return it == entries.end() ? nullptr : &it->second;
}

void RangeTable::merge(const RangeTable& later) {
  check(graph_hash.empty() || later.graph_hash.empty() || graph_hash == later.graph_hash, ErrorCode::kUsage,
        "range tables of two different models cannot be merged: prepared graphs {} and {}; calibrate both on "
        "the same model",
        graph_hash.substr(0, 12), later.graph_hash.substr(0, 12));
  if (graph_hash.empty()) graph_hash = later.graph_hash;
  data_hash = data_hash.empty()         ? later.data_hash
              : later.data_hash.empty() ? data_hash
                                        : data_hash + "+" + later.data_hash;
  for (const auto& [key, stats] : later.entries) entries[key].merge(stats);
  for (const auto& [key, sums] : later.channels) channels[key].merge(sums);
}

}  // namespace precis::quant
