// See damaged_bytes.h.
#include "tests/support/damaged_bytes.h"

#include <algorithm>

namespace precis::test {

std::string damaged(std::string bytes, Rng& rng) {
  for (uint64_t n = 1 + rng.below(4); n > 0 && !bytes.empty(); --n) {
    const size_t at = rng.below(bytes.size()),
                 length = rng.below(std::min<size_t>(bytes.size() - at, 16) + 1);
    switch (rng.below(6)) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        bytes.erase(at, length);
        break;
      case 2:
        bytes.insert(at, bytes.substr(at, length));
        break;
      case 3:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.below(8)));
        break;
      case 4:
        bytes[at] = static_cast<char>(rng.below(2) != 0 ? 0xff : 0x00);
        break;
      default:
        bytes[at] = static_cast<char>(rng.below(256));
        break;
    }
  }
  return bytes;
}

}  // namespace precis::test
