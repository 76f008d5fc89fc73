// Every thread begins with chunks of its own, the same part of every loop, so that what it wrote in one loop
// is in its cache for the next; then it takes what others have left.
#include "precis/core/team.h"

#include <sched.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>

namespace precis {
namespace {

constexpr uint64_t kClosed = UINT64_MAX;  // an empty range that says that no more loops will come
constexpr int kSpins = 4096;              // before the core is offered to others

uint64_t pack(int64_t first, int64_t end) {
  return static_cast<uint64_t>(first) << 32 | static_cast<uint64_t>(end);
}
int64_t first_of(uint64_t range) { return static_cast<int64_t>(range >> 32); }
int64_t end_of(uint64_t range) { return static_cast<int64_t>(range & UINT32_MAX); }

// Tells the core that it waits: its other thread goes faster, and it takes less power.
void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

template <typename Condition>
void spin_until(const Condition& condition) {
  for (int spins = 0; !condition();) {
    if (++spins < kSpins)
      relax();
    else
      sched_yield();
  }
}

}  // namespace

void Team::open(int threads) {
  if (threads > capacity_) {
    slots_ = std::make_unique<Slot[]>(static_cast<size_t>(threads));
    capacity_ = threads;
  }
  threads_ = threads;
  for (int i = 0; i < threads; ++i) slots_[static_cast<size_t>(i)].range.store(0, std::memory_order_relaxed);
}

void Team::close() {
  for (int i = 1; i < threads_; ++i)
    slots_[static_cast<size_t>(i)].range.store(kClosed, std::memory_order_release);
}

// The number of a chunk that is the caller's from now on; -1 when none is left.
int64_t Team::claim(Slot& slot, bool first) {
  uint64_t range = slot.range.load(std::memory_order_relaxed);
  while (first_of(range) < end_of(range)) {
    const uint64_t rest = first ? range + pack(1, 0) : range - 1;
    if (slot.range.compare_exchange_weak(range, rest, std::memory_order_acquire, std::memory_order_relaxed))
      return first ? first_of(range) : end_of(rest);
  }
  return -1;
}

// Runs chunks until there are none, own ones first; how many it were.
int64_t Team::work(int thread) {
  int64_t done = 0;
  for (int i = 0; i < threads_; ++i) {
    Slot& slot = slots_[static_cast<size_t>((thread + i) % threads_)];
    for (int64_t k; (k = claim(slot, i == 0)) >= 0; ++done) {
      const Loop& loop = slot.loop;
      const int64_t begin = k * loop.chunk;
      loop.body(loop.context, begin, begin + std::min(loop.chunk, loop.n - begin));
    }
  }
  return done;
}

void Team::serve(int thread) {
  Slot& own = slots_[static_cast<size_t>(thread)];
  while (true) {
    uint64_t range = 0;
    spin_until([&] {
      range = own.range.load(std::memory_order_relaxed);
      return range == kClosed || first_of(range) < end_of(range);
    });
    if (range == kClosed) return;
    const int64_t done = work(thread);
    if (done > 0) pending_.fetch_sub(done, std::memory_order_release);
  }
}

void Team::run(const Loop& loop, int threads) {
  const int64_t chunks = loop.chunks(), team = std::min<int64_t>({threads, threads_, chunks});
  pending_.store(chunks, std::memory_order_relaxed);
  for (int64_t i = team - 1; i >= 0; --i) {
    Slot& slot = slots_[static_cast<size_t>(i)];
    slot.loop = loop;
    slot.range.store(pack(chunks * i / team, chunks * (i + 1) / team), std::memory_order_release);
  }
  const int64_t done = work(0);
  if (pending_.fetch_sub(done, std::memory_order_acquire) != done)
    spin_until([&] { return pending_.load(std::memory_order_acquire) == 0; });
}

}  // namespace precis
