// The limits in force, and the memory limit that depends on the machine.
#include "precis/core/limits.h"

#include <unistd.h>

#include <algorithm>

namespace precis {
namespace {

Limits& current() {
  static Limits limits;
  return limits;
}

}  // namespace

const Limits& limits() { return current(); }

void set_limits(const Limits& limits) { current() = limits; }

// Asked once: every tensor is compared with it.
uint64_t physical_memory() {
  static const uint64_t bytes = [] {
    const long pages = ::sysconf(_SC_PHYS_PAGES);
    const long page = ::sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page) : UINT64_MAX / 8;
  }();
  return bytes;
}

uint64_t memory_limit(uint64_t input_bytes) {
  if (limits().max_memory != 0) return limits().max_memory;
  const uint64_t share = physical_memory() / 10 * 8;
  const uint64_t scaled = input_bytes > (UINT64_MAX >> 5) ? UINT64_MAX : 16 * input_bytes + (1ull << 30);
  return std::min(share, scaled);
}

}  // namespace precis
