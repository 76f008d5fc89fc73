// What calibration saw: per value, streaming statistics in bounded memory that merge exactly and in any order
// (but for the moving average, whose order is the samples' order). Saved as a file, merged, keyed by value name and
// by the hash of the prepared graph. Every observer chooses its Range from the same statistics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "precis/core/io.h"
#include "precis/core/tensor.h"

namespace precis::quant {

// Histogram over equal bins whose width is a power of two and whose edges are multiples of it: growing the range merges
// bins exactly, so the result does not depend on the order of the data. At most kMaxBins bins.
class StreamingHistogram {
 public:
  static constexpr int kMaxBins = 8192;
  void add(std::span<const float> values, float min, float max);  // min/max of `values`, finite
  void merge(const StreamingHistogram& other);
  bool empty() const { return counts_.empty(); }
  double bin_width() const;                   // 2^exponent
  double low() const;                         // lower edge of bin 0
  const std::vector<uint64_t>& counts() const { return counts_; }
  uint64_t total() const;

 private:
  friend struct RangeTableCodec;               // range_table_file.cpp
  void cover(float min, float max);           // widen bins and extend until [min, max] is inside
  void coarsen();
  void count_block(std::span<const float> values);
  int exponent_ = 0;
  int64_t first_ = 0;                         // index of bin 0: its lower edge is first_ * 2^exponent_
  std::vector<uint64_t> counts_;
};

// What one sample adds to a RangeStats, but for its histogram.
struct SampleSummary {
  float min = 0, max = 0;
  uint64_t elements = 0;                      // 0: the sample had no values
};
// Error(kMalformed) naming the first NaN/Inf's index; the caller adds tensor and sample.
SampleSummary summarize(std::span<const float> values);
// The same of an f32 tensor, whose elements may lie with the channels (axis 1) last; the index is the row-major one.
SampleSummary summarize(const Tensor& values, bool channels_last);

struct RangeStats {
  float min = 0, max = 0;                     // over everything seen; valid when samples > 0
  double ema_min = 0, ema_max = 0;            // moving average of per-sample min/max, c = kMovingAverageRate
  double first_min = 0, first_max = 0;        // of the first sample: makes merged averages exact
  uint64_t samples = 0;                       // samples seen
  uint64_t elements = 0;
  StreamingHistogram histogram;
  static constexpr double kMovingAverageRate = 0.01;

  // Adds one sample's values; errors as summarize().
  void add_sample(std::span<const float> values);
  void add_summary(const SampleSummary& sample);  // without its histogram, which the caller adds (in any order)
  void merge(const RangeStats& later);        // `later` saw samples after this one
};

// Sums over the channels (axis 1) of one value, each plane's in eight interleaved lanes joined in order, merged in sample
// order: the same on every CPU.
struct ChannelSums {
  std::vector<double> sums;
  uint64_t count = 0;                          // elements per channel
  // Adds one sample's f32 tensor of two dimensions or more, whose elements may lie with the channels last.
  // Error(kUsage) when the number of channels changes.
  void add(const Tensor& values, bool channels_last = false);
  void merge(const ChannelSums& later);
  double mean(size_t channel) const { return sums[channel] / static_cast<double>(count); }
};

class RangeTable {
 public:
  std::map<std::string, RangeStats, std::less<>> entries;  // key: value name ("scope/value" or "scope/node#role")
  std::map<std::string, ChannelSums, std::less<>> channels;  // of the values that weighted operators read
  std::string graph_hash;                      // of the prepared float graph
  std::string data_hash;                       // content of the calibration samples, in order

  const RangeStats* find(std::string_view key) const;
  const ChannelSums* channels_of(std::string_view key) const;
  // Appends statistics of later samples. Error(kUsage) when the graph hashes differ.
  void merge(const RangeTable& later);
  std::string to_bytes() const;                // own binary format with magic, version and checksum; deterministic
  static RangeTable from_bytes(std::string_view bytes, const std::string& where);  // Error(kMalformed)
  void save(const std::string& path, Overwrite overwrite) const;
  static RangeTable load(const std::string& path);
};

}  // namespace precis::quant
