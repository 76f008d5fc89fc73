// L2 calibration: coordinate search over the two ends of the range, on ends that shrink in steps of 1/128 of the observed
// reach and then, around the best, in steps of 1/1024. Every candidate is scored through the very encoding it would get.
#include <algorithm>
#include <cmath>

#include "precis/quant/histogram_search.h"

namespace precis::quant {
namespace {

struct Bin {
  float centre;
  double count;
};

// Bins that hold something, by their centres (a code step is 16 bins or more at 8 bits).
std::vector<Bin> occupied_bins(const StreamingHistogram& h) {
  std::vector<Bin> bins;
  for (size_t i = 0; i < h.counts().size(); ++i)
    if (h.counts()[i] > 0)
      bins.push_back({static_cast<float>(h.low() + (static_cast<double>(i) + 0.5) * h.bin_width()),
                      static_cast<double>(h.counts()[i])});
  return bins;
}

double error_of(const std::vector<Bin>& bins, const Encoding& e) {
  const float s = e.scale(), inverse = 1.0f / s;
  const float zp = static_cast<float>(e.zero_point());
  const float lo = static_cast<float>(e.code_min) - zp, hi = static_cast<float>(e.code_max) - zp;
  double error = 0;
  for (const Bin& b : bins) {
    // Adding and taking away 1.5 * 2^23 rounds half to even for |q| < 2^22; clamping first keeps q inside.
    const float q = (std::min(std::max(b.centre * inverse, lo), hi) + 12582912.0f) - 12582912.0f;
    const double d = static_cast<double>(b.centre) - static_cast<double>(q) * s;
    error += b.count * d * d;
  }
  return error;
}

class Search {
 public:
  Search(const RangeStats& stats, const GridSpec& grid)
      : bins_(occupied_bins(stats.histogram)), grid_(grid), lo_(std::min(stats.min, 0.0f)), hi_(std::max(stats.max, 0.0f)) {}

  Range run() {
    const bool symmetric = grid_.symmetry == GridSpec::Symmetry::kSymmetric;
    if (symmetric) lo_ = -(hi_ = std::max(-lo_, hi_));
    double a = 1, b = 1;  // kept shares of the lower and the upper end
    for (double step : {1.0 / 128, 1.0 / 1024}) {
      const double reach = step == 1.0 / 128 ? 1.0 : 8 * step;
      for (int round = 0; round < 2; ++round) {
        if (hi_ > 0) b = best_share(a, b, Side::kUpper, step, reach, symmetric);
        if (symmetric) a = b;
        else if (lo_ < 0) a = best_share(a, b, Side::kLower, step, reach, false);
        if (symmetric || lo_ == 0 || hi_ == 0) break;
      }
    }
    return at(a, b);
  }

 private:
  enum class Side { kLower, kUpper };
  Range at(double a, double b) const { return {static_cast<float>(lo_ * a), static_cast<float>(hi_ * b)}; }

  double best_share(double a, double b, Side side, double step, double reach, bool both) const {
    const double start = side == Side::kUpper ? b : a;
    const double from = std::max(step, start - reach), to = std::min(1.0, start + reach);
    double best = start, best_error = -1;
    for (double share = to; share >= from - step / 2; share -= step) {
      const Range r = both ? at(share, share) : side == Side::kUpper ? at(a, share) : at(share, b);
      const double error = error_of(bins_, encoding_from_range(r, grid_));
      if (best_error < 0 || error < best_error) {
        best_error = error;
        best = share;
      }
    }
    return best;
  }

  std::vector<Bin> bins_;
  GridSpec grid_;
  float lo_, hi_;
};

}  // namespace

double histogram_mse(const StreamingHistogram& histogram, const Encoding& encoding) {
  return error_of(occupied_bins(histogram), encoding) / static_cast<double>(histogram.total());
}

Range mse_range(const RangeStats& stats, const GridSpec& grid) { return Search(stats, grid).run(); }

}  // namespace precis::quant
