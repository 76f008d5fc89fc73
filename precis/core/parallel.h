// parallel_for: OpenMP loops whose partition depends on the data alone, never on the thread count, so that
// results do not depend on it either. Thread creation is probed before the first parallel region (an OpenMP
// runtime that cannot start a thread would end the process) and the count lowered to what works.
#pragma once

#include <cstdint>
#include <functional>

namespace precis {

// Threads used by parallel_for from the calling thread; 0 = number of usable cores. Default: all cores.
void set_num_threads(int threads);
int num_threads();
int usable_cores();  // affinity mask, not the machine's core count

// Calls body(begin, end) over [0, n) in chunks of `chunk` items (the last may be shorter), each chunk on one
// thread. Runs serially when n <= chunk, one thread is set, or inside another parallel_for. The first
// exception thrown (by chunk order) is rethrown after all chunks have ended.
void parallel_for(int64_t n, int64_t chunk, const std::function<void(int64_t begin, int64_t end)>& body);

// The same without std::function, for hot loops: chunk i is [i*chunk, min(n,(i+1)*chunk)). body must not
// throw.
using ChunkFunction = void (*)(void* context, int64_t begin, int64_t end);
void parallel_for_raw(int64_t n, int64_t chunk, ChunkFunction body, void* context);

// Calls body() on the calling thread while up to `threads` - 1 others stand by: the parallel_for in it start
// in a fraction of the time. Code that starts OpenMP threads itself must not run in it: it would get one.
// Just body() inside a chunk or another team. Exceptions come out after the others have left.
void with_team(int threads, void (*body)(void* context), void* context);

// This thread is one of several that share the cores: it runs a chunk.
bool in_parallel_region();

// The largest team of at most `wanted` threads that can be started now; tried out once per size.
int startable_threads(int wanted);

// For its lifetime, the calling thread's parallel_for and all OpenMP code that it calls (oneDNN) use
// `threads` threads, or as many as can be started; afterwards both settings are what they were.
class ThreadScope {
 public:
  explicit ThreadScope(int threads);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int own_before_, openmp_before_;
};

}  // namespace precis
