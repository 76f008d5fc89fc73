// Multipliers that leave nothing to chance: products of integers with them are never half way between two
// integers, nor near it.
//
// An accumulator n times p / q with odd q: half way would mean 2 n p = (2 k + 1) q, an even number equal to
// an odd one. The nearest it comes is 1 / (2 q). Float arithmetic on results of 8 bits errs by less, in
// whatever order and precision a runtime multiplies and adds, so that all of them round to the same integer.
// Any other multiplier brings a few results in a million so near to the middle that runtimes decide apart,
// and a deep network spreads each of these over a whole image.
#pragma once

#include <cstdint>
#include <optional>

#include "precis/quant/quantize.h"

namespace precis::quant {

struct OddRatio {
  int64_t p = 1, q = 1;
  double value() const { return static_cast<double>(p) / static_cast<double>(q); }
};

// The ratio nearest to `multiplier` that is not below (kUp) or not above it (kDown), q an odd multiple of
// `factor` (odd) and as small as serves; nullopt where none is near enough (within 1/500, with a factor
// 1/128) whose q float arithmetic can tell apart, and for multipliers above 2^24.
std::optional<OddRatio> tie_free_ratio(double multiplier, Shorten direction, int64_t factor = 1);

}  // namespace precis::quant
