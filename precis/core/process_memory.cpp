// Settings of glibc's heap.
#include "precis/core/process_memory.h"

#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

namespace precis {

void keep_freed_memory() {
  constexpr size_t kLargest = 32 << 20, kHugePage = 2 << 20;  // glibc takes no higher threshold
  mallopt(M_MMAP_THRESHOLD, kLargest);
  mallopt(M_TRIM_THRESHOLD, 8 * kLargest);
  constexpr size_t kGrowth = kLargest - kHugePage;
  void* grown = std::malloc(kGrowth);
  if (grown == nullptr) return;
  const auto begin = (reinterpret_cast<uintptr_t>(grown) + kHugePage - 1) / kHugePage * kHugePage;
  madvise(reinterpret_cast<void*>(begin), kGrowth - kHugePage, MADV_HUGEPAGE);
  std::free(grown);
}

}  // namespace precis
