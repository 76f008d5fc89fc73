// StreamingHistogram: power-of-two bins aligned at zero. A value x lies in bin floor(x / 2^e); doubling the
// width merges bins 2i and 2i + 1 exactly, so the final counts depend only on the set of values, not on their
// order or grouping.
#include <algorithm>
#include <cmath>

#include "precis/quant/range_table.h"
#include "precis/quant/sample_scan.h"

namespace precis::quant {
namespace {

constexpr int kMinExponent = -100;        // ranges below 2^-87 need no finer bins than this
constexpr size_t kBlock = 1024;           // values binned at once
constexpr int64_t kFloatIndex = 1 << 24;  // indices below are exact in float

int64_t floor_div2(int64_t i) { return i >> 1; }  // arithmetic shift: floor for negatives too

int64_t bin_of(float x, double inverse_width) {
  const double t = static_cast<double>(x) * inverse_width;  // exact: a power of two
  const int64_t i = static_cast<int64_t>(t);
  return i - (t < static_cast<double>(i) ? 1 : 0);
}

// No smaller exponent can do: the span must be below kMaxBins = 2^13 bins and an index below 2^52.
int first_exponent(float min, float max) {
  const double span = static_cast<double>(max) - static_cast<double>(min);
  const double reach = static_cast<double>(std::max(std::fabs(max), std::fabs(min)));
  int e = kMinExponent;
  if (span > 0) e = std::max(e, std::ilogb(span) - 12);
  if (reach > 0) e = std::max(e, std::ilogb(reach) - 51);
  return e;
}

}  // namespace

double StreamingHistogram::bin_width() const { return std::ldexp(1.0, exponent_); }
double StreamingHistogram::low() const { return static_cast<double>(first_) * bin_width(); }

uint64_t StreamingHistogram::total() const {
  uint64_t n = 0;
  for (uint64_t c : counts_) n += c;
  return n;
}

void StreamingHistogram::coarsen() {
  const int64_t first = floor_div2(first_);
  const int64_t last = floor_div2(first_ + static_cast<int64_t>(counts_.size()) - 1);
  std::vector<uint64_t> merged(static_cast<size_t>(last - first + 1), 0);
  for (size_t i = 0; i < counts_.size(); ++i)
    merged[static_cast<size_t>(floor_div2(first_ + static_cast<int64_t>(i)) - first)] += counts_[i];
  counts_ = std::move(merged);
  first_ = first;
  ++exponent_;
}

void StreamingHistogram::cover(float min, float max) {
  if (counts_.empty()) exponent_ = first_exponent(min, max);
  for (;;) {
    // Bins can be so small at first that an index would not fit: compare in double before converting.
    const double inverse = std::ldexp(1.0, -exponent_);
    if ((static_cast<double>(max) - static_cast<double>(min)) * inverse < kMaxBins &&
        std::max(std::fabs(max), std::fabs(min)) * inverse < 0x1p52) {
      int64_t first = bin_of(min, inverse), last = bin_of(max, inverse);
      if (!counts_.empty()) {
        first = std::min(first, first_);
        last = std::max(last, first_ + static_cast<int64_t>(counts_.size()) - 1);
      }
      if (last - first + 1 <= kMaxBins) {
        if (counts_.empty()) first_ = first;
        counts_.insert(counts_.begin(), static_cast<size_t>(first_ - first), 0);
        counts_.resize(static_cast<size_t>(last - first + 1), 0);
        first_ = first;
        return;
      }
    }
    if (counts_.empty())
      ++exponent_;
    else
      coarsen();
  }
}

void StreamingHistogram::add(std::span<const float> values, float min, float max) {
  if (values.empty()) return;
  cover(min, max);
  const int64_t last = first_ + static_cast<int64_t>(counts_.size()) - 1;
  if (first_ > -kFloatIndex && last < kFloatIndex)
    for (size_t at = 0; at < values.size(); at += kBlock) count_block(values.subspan(at, std::min(kBlock, values.size() - at)));
  else
    for (float x : values) ++counts_[static_cast<size_t>(bin_of(x, std::ldexp(1.0, -exponent_)) - first_)];
}

// Activations are often mostly zeros (ReLU): counting their bin apart avoids a chain of dependent increments.
void StreamingHistogram::count_block(std::span<const float> values) {
  const bool has_zero = first_ <= 0 && -first_ < static_cast<int64_t>(counts_.size());
  BinGrid grid;
  grid.width = std::ldexp(1.0f, exponent_);
  grid.inverse = std::ldexp(1.0f, -exponent_);
  grid.first = static_cast<int32_t>(first_);
  grid.skipped = has_zero ? -grid.first : -1;
  int32_t bins[kBlock];
  const size_t kept = bin_values(values, grid, bins);
  for (size_t i = 0; i < kept; ++i) ++counts_[static_cast<size_t>(bins[i])];
  if (kept < values.size()) counts_[static_cast<size_t>(grid.skipped)] += values.size() - kept;
}

void StreamingHistogram::merge(const StreamingHistogram& other) {
  if (other.empty()) return;
  if (empty()) {
    *this = other;
    return;
  }
  StreamingHistogram o = other;
  while (o.exponent_ < exponent_) o.coarsen();
  while (exponent_ < o.exponent_) coarsen();
  for (;;) {
    const int64_t first = std::min(first_, o.first_);
    const int64_t last = std::max(first_ + static_cast<int64_t>(counts_.size()),
                                  o.first_ + static_cast<int64_t>(o.counts_.size()));
    if (last - first <= kMaxBins) {
      counts_.insert(counts_.begin(), static_cast<size_t>(first_ - first), 0);
      counts_.resize(static_cast<size_t>(last - first), 0);
      first_ = first;
      break;
    }
    coarsen();
    o.coarsen();
  }
  for (size_t i = 0; i < o.counts_.size(); ++i)
    counts_[static_cast<size_t>(o.first_ - first_) + i] += o.counts_[i];
}

}  // namespace precis::quant
