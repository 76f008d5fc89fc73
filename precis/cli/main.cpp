// precis: the program. Everything it does is a library call (precis/flow); here are only arguments, text and
// exit codes.
#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

#include "precis/cli/app.h"

namespace {

// Freed memory stays for the next tensor: given back to the kernel, as blocks above 128 KiB are by
// themselves, it would come again page by page, each cleared anew. And what the heap grows by first comes in
// huge pages, where the system has them: one fault for what else takes 512.
void keep_freed_memory() {
  constexpr size_t kLargest = 32 << 20, kHugePage = 2 << 20;  // glibc knows no higher threshold
  mallopt(M_MMAP_THRESHOLD, kLargest);
  mallopt(M_TRIM_THRESHOLD, 8 * kLargest);
  constexpr size_t kGrowth = kLargest - kHugePage;
  void* grown = std::malloc(kGrowth);
  if (grown == nullptr) return;
  const auto begin = (reinterpret_cast<uintptr_t>(grown) + kHugePage - 1) / kHugePage * kHugePage;
  madvise(reinterpret_cast<void*>(begin), kGrowth - kHugePage, MADV_HUGEPAGE);
  std::free(grown);
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  return precis::cli::run_app(argc, argv);
}
