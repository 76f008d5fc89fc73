// Team: threads that stand by for one loop after another. Starting a loop is one store per thread and ending
// it one counter, a fraction of a microsecond where an OpenMP region costs more than one; and a thread that
// is late (the machine is busy with something else) delays nobody, since the others take its chunks.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "precis/core/parallel.h"

namespace precis {

class Team {
 public:
  struct Loop {
    ChunkFunction body = nullptr;
    void* context = nullptr;
    int64_t n = 0, chunk = 1;
    int64_t chunks() const { return n / chunk + (n % chunk != 0); }
  };
  static constexpr int64_t kMaxChunks = INT32_MAX;

  // Before the threads come.
  void open(int threads);
  // For threads 1 to threads - 1: works until close().
  void serve(int thread);
  // For thread 0: runs the loop with the first `threads` of the team, itself among them; returns when all
  // chunks have ended. The body must not throw.
  void run(const Loop& loop, int threads);
  void close();

 private:
  // A thread's chunks of the current loop. The loop is only written while all slots are empty, and only read
  // by who has claimed a chunk.
  struct alignas(64) Slot {
    std::atomic<uint64_t> range{0};  // first chunk and end, 32 bits each
    Loop loop;
  };
  int64_t claim(Slot& slot, bool first);
  int64_t work(int thread);

  std::unique_ptr<Slot[]> slots_;
  int threads_ = 0, capacity_ = 0;
  alignas(64) std::atomic<int64_t> pending_{0};  // chunks that have not ended
};

}  // namespace precis
