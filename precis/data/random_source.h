// Made-up samples, for shapes and speed only: floats N(0,1), bytes over their whole range, larger integers
// and bools 0 or 1 (valid as any index). Sample i depends on the seed and i alone.
#pragma once

#include <vector>

#include "precis/data/source.h"

namespace precis::data {

inline constexpr int64_t kDefaultRandomSamples = 32;

// spec.count samples (kDefaultRandomSamples when not given) of seed spec.seed. A free first dimension is 1;
// Error(kUsage) for any other free dimension: there is nothing to read its length from.
SourcePtr open_random(const DataSpec& spec, const std::vector<InputSpec>& inputs);

}  // namespace precis::data
