// Greedy placement by size.
#include "precis/runtime/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "precis/core/checked.h"

namespace precis::runtime {

MemoryPlan plan_memory(std::span<const BufferLife> buffers) {
  MemoryPlan plan;
  plan.offsets.assign(buffers.size(), 0);
  std::vector<size_t> by_size(buffers.size());
  std::iota(by_size.begin(), by_size.end(), size_t{0});
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<size_t> placed;  // sorted by offset
  for (size_t id : by_size) {
    const BufferLife& life = buffers[id];
    const int64_t need = round_up(life.bytes, kArenaAlignment);
    int64_t offset = 0;
    for (size_t other : placed) {
      const BufferLife& o = buffers[other];
      if (o.last < life.first || life.last < o.first) continue;
      if (plan.offsets[other] - offset >= need) break;
      offset = std::max(offset, plan.offsets[other] + round_up(o.bytes, kArenaAlignment));
    }
    plan.offsets[id] = offset;
    plan.arena_bytes = std::max(plan.arena_bytes, checked_add(offset, need));
    const auto at = std::upper_bound(placed.begin(), placed.end(), id,
                                     [&](size_t a, size_t b) { return plan.offsets[a] < plan.offsets[b]; });
    placed.insert(at, id);
  }
  return plan;
}

}  // namespace precis::runtime
