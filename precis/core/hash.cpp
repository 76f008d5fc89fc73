// XXH3-64 by the xxhash library.
#include "precis/core/hash.h"

#include <xxhash.h>

namespace precis {

uint64_t xxh3(std::span<const std::byte> data, uint64_t seed) {
  return XXH3_64bits_withSeed(data.data(), data.size(), seed);
}

}  // namespace precis
