// Files as accidents leave them.
#pragma once

#include <string>

#include "precis/core/rng.h"

namespace precis::test {

// A few bytes changed, cut out, doubled or cut off.
std::string damaged(std::string bytes, Rng& rng);

}  // namespace precis::test
