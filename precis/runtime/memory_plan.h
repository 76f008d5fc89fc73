// Places buffers with known lifetimes in one arena so that buffers that live at the same time never overlap.
// Greedy by size (largest first, lowest free gap), as published for mobile runtimes; deterministic.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace precis::runtime {

struct BufferLife {
  int64_t bytes = 0;
  int first = 0, last = 0;  // steps between which the contents matter, both included
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  // one per buffer, each a multiple of kArenaAlignment
  int64_t arena_bytes = 0;
};

inline constexpr int64_t kArenaAlignment = 64;  // a cache line, and the widest vector

MemoryPlan plan_memory(std::span<const BufferLife> buffers);

}  // namespace precis::runtime
