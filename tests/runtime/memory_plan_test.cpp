// The arena: buffers that live at the same time never overlap; buffers that do not may share memory.
#include "precis/runtime/memory_plan.h"

#include <gtest/gtest.h>

#include "precis/core/rng.h"

namespace precis::runtime {
namespace {

void expect_no_overlap(const std::vector<BufferLife>& lives, const MemoryPlan& plan) {
  for (size_t i = 0; i < lives.size(); ++i) {
    EXPECT_EQ(plan.offsets[i] % kArenaAlignment, 0);
    EXPECT_LE(plan.offsets[i] + lives[i].bytes, plan.arena_bytes);
    for (size_t j = 0; j < i; ++j) {
      const bool together = lives[i].first <= lives[j].last && lives[j].first <= lives[i].last;
      const bool apart = plan.offsets[i] + lives[i].bytes <= plan.offsets[j] ||
                         plan.offsets[j] + lives[j].bytes <= plan.offsets[i];
      EXPECT_TRUE(!together || apart || lives[i].bytes == 0 || lives[j].bytes == 0) << i << " and " << j;
    }
  }
}

TEST(MemoryPlan, ChainNeedsTwoBuffers) {
  const std::vector<BufferLife> lives{{1000, 0, 1}, {1000, 1, 2}, {1000, 2, 3}, {1000, 3, 4}};
  const MemoryPlan plan = plan_memory(lives);
  expect_no_overlap(lives, plan);
  EXPECT_EQ(plan.arena_bytes, 2 * 1024);
}

TEST(MemoryPlan, EmptyAndZeroSized) {
  EXPECT_EQ(plan_memory({}).arena_bytes, 0);
  EXPECT_EQ(plan_memory(std::vector<BufferLife>{{0, 0, 5}}).arena_bytes, 0);
}

TEST(MemoryPlan, RandomLifetimesNeverOverlap) {
  uint64_t state = 7;
  const auto next = [&](uint64_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<int>((state >> 33) % n);
  };
  for (int round = 0; round < 20; ++round) {
    std::vector<BufferLife> lives;
    for (int i = 0; i < 60; ++i) {
      const int first = next(40);
      lives.push_back({next(5000), first, first + next(10)});
    }
    expect_no_overlap(lives, plan_memory(lives));
  }
}

}  // namespace
}  // namespace precis::runtime
