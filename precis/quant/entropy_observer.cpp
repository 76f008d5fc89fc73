// Entropy calibration: for growing thresholds t the observed distribution, clipped to [-t, t] (outliers pile
// up in the end bins), is compared with itself after quantization to the grid's levels; the t of the smallest
// divergence wins.
//
// Activations have spikes at zero (ReLU) and at their largest value (Clip). Zero is a code of every grid, and
// the observed ends are codes as long as they are inside [-t, t]: these bins lose nothing in quantization, so
// their mass is not spread over a level. Spread, it would make every wide range look bad, and the narrowest
// one would win.
#include <algorithm>
#include <cmath>
#include <limits>

#include "precis/quant/histogram_search.h"

namespace precis::quant {
namespace {

constexpr int kBins = 2048;  // over the larger side, as in the original method

// The histogram resampled to kBins equal bins of |reach| / kBins on each side of zero; index kBins is the bin
// [0, w).
std::vector<double> resample(const StreamingHistogram& h, double width) {
  std::vector<double> out(2 * kBins, 0.0);
  for (size_t i = 0; i < h.counts().size(); ++i) {
    const double centre = h.low() + (static_cast<double>(i) + 0.5) * h.bin_width();
    const int64_t bin = static_cast<int64_t>(std::floor(centre / width)) + kBins;
    out[static_cast<size_t>(std::clamp<int64_t>(bin, 0, 2 * kBins - 1))] +=
        static_cast<double>(h.counts()[i]);
  }
  return out;
}

// The bins that quantization keeps as they are: those of zero and of the observed ends.
struct ExactBins {
  size_t lowest, zero, highest;
  bool has(size_t bin) const { return bin == lowest || bin == zero || bin == highest; }
};

// KL(P || Q) of counts [first, last): P has the outliers in its end bins; Q spreads each level's mass evenly
// over the level's non-empty bins, exact bins apart. Infinite when a level is empty where P is not.
double divergence(const std::vector<double>& counts, const ExactBins& exact, size_t first, size_t last,
                  double below, double above, int levels) {
  const size_t n = last - first;
  double total_p = below + above, total_q = 0;
  for (size_t i = first; i < last; ++i) {
    total_p += counts[i];
    total_q += counts[i];
  }
  if (total_q == 0) return std::numeric_limits<double>::infinity();
  double kl = 0;
  for (int level = 0; level < levels; ++level) {
    const size_t a = first + n * static_cast<size_t>(level) / static_cast<size_t>(levels);
    const size_t b = first + n * (static_cast<size_t>(level) + 1) / static_cast<size_t>(levels);
    double mass = 0;
    size_t occupied = 0;
    for (size_t i = a; i < b; ++i) {
      if (exact.has(i)) continue;
      mass += counts[i];
      occupied += counts[i] > 0;
    }
    for (size_t i = a; i < b; ++i) {
      const double p = counts[i] + (i == first ? below : 0) + (i + 1 == last ? above : 0);
      if (p == 0) continue;
      const double spread = exact.has(i) ? counts[i] : mass / static_cast<double>(occupied);
      const double q = counts[i] > 0 ? spread : 1e-3;  // outliers in an empty end bin
      kl += p / total_p * std::log((p / total_p) / (q / total_q));
    }
  }
  return kl;
}

}  // namespace

Range entropy_range(const RangeStats& stats, const GridSpec& grid) {
  const float lo = std::min(stats.min, 0.0f), hi = std::max(stats.max, 0.0f);
  const bool symmetric = grid.symmetry == GridSpec::Symmetry::kSymmetric;
  const double reach = std::max(-lo, hi);
  const double width = reach / kBins;
  const std::vector<double> counts = resample(stats.histogram, width);
  std::vector<double> prefix(counts.size() + 1, 0.0);
  for (size_t i = 0; i < counts.size(); ++i) prefix[i + 1] = prefix[i] + counts[i];
  const int levels = grid_max(grid) - grid_min(grid) + 1;
  const size_t lowest = symmetric ? 0 : static_cast<size_t>(kBins - static_cast<int>(std::ceil(-lo / width)));
  const size_t highest =
      symmetric ? counts.size() : static_cast<size_t>(kBins + static_cast<int>(std::ceil(hi / width)));
  const auto bin_of = [&](float x) {
    const int64_t bin = static_cast<int64_t>(std::floor(static_cast<double>(x) / width)) + kBins;
    return static_cast<size_t>(std::clamp<int64_t>(bin, 0, 2 * kBins - 1));
  };
  const ExactBins exact{bin_of(stats.min), bin_of(0.0f), bin_of(stats.max)};
  double best = std::numeric_limits<double>::infinity();
  int best_bins = kBins;
  for (int t = std::max(levels / 2, 1); t <= kBins; t += 4) {
    const size_t first = std::max(lowest, static_cast<size_t>(kBins - t));
    const size_t last = std::min(highest, static_cast<size_t>(kBins + t));
    const double kl =
        divergence(counts, exact, first, last, prefix[first], prefix.back() - prefix[last], levels);
    if (kl < best) {
      best = kl;
      best_bins = t;
    }
  }
  const float t = static_cast<float>(best_bins * width);
  return {std::max(lo, -t), std::min(hi, t)};
}

}  // namespace precis::quant
