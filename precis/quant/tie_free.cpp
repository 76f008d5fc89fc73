// Search over all odd denominators, the small ones first: they keep the largest distance from the middle.
#include "precis/quant/tie_free.h"

#include <cmath>

namespace precis::quant {
namespace {

constexpr double kMostChange = 1.0 / 500;
constexpr double kMostChangeOfMultiples = 1.0 / 128;  // fewer ratios to choose from
constexpr double kLargestMultiplier = 1 << 24;  // every accumulator but 0 is beyond all codes long before
constexpr double kFloatError = 1e-6;  // a multiplier that went through float is still the same ratio
// 1 / (2 * 8191) is 4 steps of a float below 256.
constexpr int64_t kLargestQ[] = {511, 1023, 2047, 4095, 8191};

}  // namespace

std::optional<OddRatio> tie_free_ratio(double multiplier, Shorten direction, int64_t factor) {
  if (!(multiplier <= kLargestMultiplier)) return std::nullopt;
  std::optional<OddRatio> best;
  double least = factor == 1 ? kMostChange : kMostChangeOfMultiples;
  int64_t q = factor;
  for (const int64_t limit : kLargestQ) {
    for (; q <= limit; q += 2 * factor) {
      const double exact = multiplier * static_cast<double>(q);
      const double p = direction == Shorten::kUp ? std::ceil(exact * (1 - kFloatError))
                                                 : std::floor(exact * (1 + kFloatError));
      const double change = std::fabs(p / exact - 1);
      if (!(p >= 1 && change < least)) continue;
      least = change;
      best = OddRatio{static_cast<int64_t>(p), q};
    }
    if (best) break;
  }
  return best;
}

}  // namespace precis::quant
