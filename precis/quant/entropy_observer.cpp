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
#include <array>
#include <cmath>
#include <limits>

#include "precis/quant/histogram_search.h"

namespace precis::quant {
namespace {

constexpr int64_t kMaxBins = 2048;     // over the larger side, as in the original method
constexpr int64_t kStep = 4;           // bins between candidates
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

// KL(P || Q) of the bins [first, last) as candidates for the clipped range. P has the outliers in its end
// bins; Q lacks them and spreads each level's mass evenly over the level's non-empty bins. The bins of zero
// and of the observed ends are exact: the same in both. Inside a level log Q is one number, so that sums over
// bins from the start are all that a candidate needs.
class Divergence {
 public:
  Divergence(const std::vector<double>& counts, std::array<size_t, 3> exact)
      : counts_(counts), exact_(exact), all_(counts.size() + 1, 0.0), sums_(counts.size() + 1) {
    for (size_t i = 0; i < counts.size(); ++i) {
      const double c = is_exact(i) ? 0.0 : counts[i];
      all_[i + 1] = all_[i] + counts[i];
      sums_[i + 1] = {sums_[i].mass + c, sums_[i].occupied + (c > 0),
                      sums_[i].entropy + (c > 0 ? c * std::log(c) : 0)};
    }
  }

  double of(size_t first, size_t last, size_t levels) const {
    const size_t n = last - first;
    double kl = sums_[last].entropy - sums_[first].entropy;
    double lowest = 0, highest = 0;  // Q in a bin of the end levels
    for (size_t level = 0; level < levels; ++level) {
      const Sums &from = sums_[first + n * level / levels], &to = sums_[first + n * (level + 1) / levels];
      if (to.occupied == from.occupied) continue;
      const double mass = to.mass - from.mass, spread = mass / (to.occupied - from.occupied);
      kl -= mass * std::log(spread);
      if (lowest == 0) lowest = spread;
      highest = spread;
    }
    const double below = all_[first], above = all_.back() - all_[last];
    if (n == 1) return (kl + of_outliers(first, below + above, highest)) / all_.back();
    return (kl + of_outliers(first, below, lowest) + of_outliers(last - 1, above, highest)) / all_.back();
  }

 private:
  struct Sums {
    double mass = 0, occupied = 0, entropy = 0;  // of the bins that are not exact
  };
  bool is_exact(size_t i) const { return std::find(exact_.begin(), exact_.end(), i) != exact_.end(); }

  // What outliers in end bin i add.
  double of_outliers(size_t i, double outliers, double spread) const {
    const double c = counts_[i], all = c + outliers;
    if (outliers == 0) return 0;
    if (c == 0) return outliers * std::log(outliers / kEmptyBin);
    const double q = is_exact(i) ? c : spread;
    return all * std::log(all / q) - c * std::log(c / q);
  }

  static constexpr double kEmptyBin = 1e-3;  // the count of an empty bin that outliers are put into
  const std::vector<double>& counts_;
  const std::array<size_t, 3> exact_;
  std::vector<double> all_;  // counts before each bin
  std::vector<Sums> sums_;   // the same of what quantization changes
};

}  // namespace

Range entropy_range(const RangeStats& stats, const GridSpec& grid) {
  const float lo = std::min(stats.min, 0.0f), hi = std::max(stats.max, 0.0f);
  const bool symmetric = grid.symmetry == GridSpec::Symmetry::kSymmetric;
  const Bins bins = group_bins(stats.histogram, std::max(-lo, hi));
  const int64_t side = bins.side, levels = int64_t{grid_max(grid)} - grid_min(grid) + 1;
  const int64_t lowest = symmetric ? 0 : side - static_cast<int64_t>(std::ceil(-lo / bins.width));
  const int64_t highest = symmetric ? 2 * side : side + static_cast<int64_t>(std::ceil(hi / bins.width));
  const Divergence divergence(bins.counts,
                              {bins.index_of(stats.min), bins.index_of(0.0f), bins.index_of(stats.max)});
  double best = std::numeric_limits<double>::infinity();
  int64_t best_bins = side;
  for (int64_t t = side; t >= std::max<int64_t>(levels / 2, 1); t -= kStep) {
    const double kl =
        divergence.of(static_cast<size_t>(std::max(lowest, side - t)),
                      static_cast<size_t>(std::min(highest, side + t)), static_cast<size_t>(levels));
    if (kl >= best) continue;
    best = kl;
    best_bins = t;
  }
  const float t = static_cast<float>(static_cast<double>(best_bins) * bins.width);
  return {std::max(lo, -t), std::min(hi, t)};
}

}  // namespace precis::quant
