// The most that this machine's threads can do, measured: what a profile compares kernels with.
#pragma once

namespace precis::flow {

struct MachinePeak {
  int threads = 1;         // together
  double gflops = 0;       // f32, a multiplication and an addition are two
  double gops = 0;         // u8 x s8 into s32, the same; both 0 where only scalar kernels run
  double read_gb_s = 0;    // from memory, beyond all caches
};

// Takes about a quarter of a second and, while it runs, 64 MiB a thread.
MachinePeak measure_peak(int threads);

}  // namespace precis::flow
