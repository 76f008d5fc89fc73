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

// Of positive numbers below 2^63; std::floor and std::ceil are calls, and this is most of the search.
double round_down(double x) { return static_cast<double>(static_cast<int64_t>(x)); }
double round_up(double x) {
  const double down = round_down(x);
  return down < x ? down + 1 : down;
}

}  // namespace

std::optional<OddRatio> tie_free_ratio(double multiplier, Shorten direction, int64_t factor) {
  if (!(multiplier <= kLargestMultiplier)) return std::nullopt;
  std::optional<OddRatio> best;
  double least = factor == 1 ? kMostChange : kMostChangeOfMultiples;
  int64_t q = factor;
  for (const int64_t limit : kLargestQ) {
    for (; q <= limit; q += 2 * factor) {
      const double exact = multiplier * static_cast<double>(q);
      const double p = direction == Shorten::kUp ? round_up(exact * (1 - kFloatError))
                                                 : round_down(exact * (1 + kFloatError));
      if (!(p >= 1 && std::fabs(p - exact) < least * exact)) continue;
      least = std::fabs(p / exact - 1);
      best = OddRatio{static_cast<int64_t>(p), q};
    }
    if (best) break;
  }
  return best;
}

}  // namespace precis::quant
