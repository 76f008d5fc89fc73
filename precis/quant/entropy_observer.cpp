// Entropy calibration: for shrinking thresholds t the observed distribution, clipped to [-t, t] (outliers
// pile up in the end bins), is compared with itself after quantization to the grid's levels; the t of the
// smallest divergence wins.
//
// Activations have spikes at zero (ReLU) and at their largest value (Clip). Zero is a code of every grid, and
// the observed ends are codes as long as they are inside [-t, t]: these bins lose nothing in quantization, so
// their mass is not spread over a level. Spread, it would make every wide range look bad, and the narrowest
// one would win.
//
// For the same reason the unevenness of the bins must be that of the data: bins are whole groups of the
// histogram's (equal bins that cut across them would hold two of them here and three there), and few values
// get wide bins. And the outliers are missing from the quantized distribution, they are not made up for by
// scaling it: else a single occupied bin, or a spike with all the rest above it, would be a perfect match.
#include <algorithm>
#include <cmath>
#include <limits>

#include "precis/quant/histogram_search.h"

namespace precis::quant {
namespace {

constexpr int64_t kMaxBins = 2048;     // over the larger side, as in the original method
constexpr uint64_t kLeastPerBin = 16;  // values, on average: with fewer, bins differ by chance

// The histogram in groups of bins: `side` equal bins on each side of zero; index `side` is the bin [0,
// width).
struct Bins {
  double width = 0;
  int64_t side = 0;
  std::vector<double> counts;

  size_t index_of(float x) const {
    const int64_t bin = static_cast<int64_t>(std::floor(static_cast<double>(x) / width)) + side;
    return static_cast<size_t>(std::clamp<int64_t>(bin, 0, 2 * side - 1));
  }
};

Bins group_bins(const StreamingHistogram& h, double reach) {
  const uint64_t total = h.total();
  Bins bins;
  bins.width = h.bin_width();
  int64_t group = 1;
  for (;; bins.width *= 2, group *= 2) {
    const double side = std::ceil(reach / bins.width);
    if (side > static_cast<double>(kMaxBins)) continue;
    bins.side = static_cast<int64_t>(side);
    if (bins.side <= 1 || total >= kLeastPerBin * static_cast<uint64_t>(bins.side)) break;
  }
  bins.counts.assign(static_cast<size_t>(2 * bins.side), 0.0);
  const int64_t first = std::llround(h.low() / h.bin_width());
  for (size_t i = 0; i < h.counts().size(); ++i) {
    const int64_t at = first + static_cast<int64_t>(i);
    const int64_t bin = (at >= 0 ? at : at - group + 1) / group + bins.side;
    bins.counts[static_cast<size_t>(std::clamp<int64_t>(bin, 0, 2 * bins.side - 1))] +=
        static_cast<double>(h.counts()[i]);
  }
  return bins;
}

// The bins that quantization keeps as they are: those of zero and of the observed ends.
struct ExactBins {
  size_t lowest, zero, highest;
  bool has(size_t bin) const { return bin == lowest || bin == zero || bin == highest; }
};

// KL(P || Q) of counts [first, last): P has the outliers in its end bins; Q lacks them and spreads each
// level's mass evenly over the level's non-empty bins, exact bins apart.
double divergence(const std::vector<double>& counts, const ExactBins& exact, size_t first, size_t last,
                  double below, double above, int levels) {
  const size_t n = last - first;
  double total = below + above, kl = 0;
  for (int level = 0; level < levels; ++level) {
    const size_t a = first + n * static_cast<size_t>(level) / static_cast<size_t>(levels);
    const size_t b = first + n * (static_cast<size_t>(level) + 1) / static_cast<size_t>(levels);
    double mass = 0;
    size_t occupied = 0;
    for (size_t i = a; i < b; ++i) {
      total += counts[i];
      if (exact.has(i)) continue;
      mass += counts[i];
      occupied += counts[i] > 0;
    }
    for (size_t i = a; i < b; ++i) {
      const double p = counts[i] + (i == first ? below : 0) + (i + 1 == last ? above : 0);
      if (p == 0) continue;
      const double spread = exact.has(i) ? counts[i] : mass / static_cast<double>(occupied);
      const double q = counts[i] > 0 ? spread : 1e-3;  // outliers in an empty end bin
      kl += p * std::log(p / q);
    }
  }
  return kl / total;
}

}  // namespace

Range entropy_range(const RangeStats& stats, const GridSpec& grid) {
  const float lo = std::min(stats.min, 0.0f), hi = std::max(stats.max, 0.0f);
  const bool symmetric = grid.symmetry == GridSpec::Symmetry::kSymmetric;
  const Bins bins = group_bins(stats.histogram, std::max(-lo, hi));
  std::vector<double> prefix(bins.counts.size() + 1, 0.0);
  for (size_t i = 0; i < bins.counts.size(); ++i) prefix[i + 1] = prefix[i] + bins.counts[i];
  const int64_t levels = grid_max(grid) - grid_min(grid) + 1, side = bins.side;
  const int64_t lowest = symmetric ? 0 : side - static_cast<int64_t>(std::ceil(-lo / bins.width));
  const int64_t highest = symmetric ? 2 * side : side + static_cast<int64_t>(std::ceil(hi / bins.width));
  const ExactBins exact{bins.index_of(stats.min), bins.index_of(0.0f), bins.index_of(stats.max)};
  double best = std::numeric_limits<double>::infinity();
  int64_t best_bins = side;
  for (int64_t t = side; t >= std::max<int64_t>(levels / 2, 1); t -= 4) {
    const size_t first = static_cast<size_t>(std::max(lowest, side - t));
    const size_t last = static_cast<size_t>(std::min(highest, side + t));
    const double kl = divergence(bins.counts, exact, first, last, prefix[first], prefix.back() - prefix[last],
                                 static_cast<int>(levels));
    if (kl < best) {
      best = kl;
      best_bins = t;
    }
  }
  const float t = static_cast<float>(static_cast<double>(best_bins) * bins.width);
  return {std::max(lo, -t), std::min(hi, t)};
}

}  // namespace precis::quant
