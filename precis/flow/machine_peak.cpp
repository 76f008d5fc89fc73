// All threads do the same at once, a few times over; the best counts, since what disturbs can only slow down.
#include "precis/flow/machine_peak.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "precis/core/isa.h"
#include "precis/core/parallel.h"
#include "precis/kernels/simd/peak.h"

namespace precis::flow {
namespace {

constexpr int64_t kWords = (64 << 20) / sizeof(uint64_t);  // of each thread's memory
constexpr int64_t kRounds = 1 << 20;                       // some milliseconds
constexpr int kRepeats = 8;

// The most units a nanosecond of all threads together: work(thread) does some and tells how many.
double best_rate(int threads, const std::function<double(size_t thread)>& work) {
  double best = 0;
  std::vector<double> done(static_cast<size_t>(threads));
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    parallel_for(threads, 1, [&](int64_t begin, int64_t end) {
      for (auto t = static_cast<size_t>(begin); t < static_cast<size_t>(end); ++t) done[t] = work(t);
    });
    const double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
    double sum = 0;
    for (const double d : done) sum += d;
    best = std::max(best, sum / ns);
  }
  return best;
}

double read_rate(int threads) {
  std::vector<std::vector<uint64_t>> memory(static_cast<size_t>(threads), std::vector<uint64_t>(kWords, 1));
  return best_rate(threads, [&](size_t t) {
    const uint64_t sum = kernels::simd::read_memory(memory[t].data(), kWords);
    memory[t][0] = sum == 0 ? 2 : 1;  // the sum is wanted
    return static_cast<double>(kWords * sizeof(uint64_t));
  });
}

}  // namespace

MachinePeak measure_peak(int threads) {
  const ThreadScope scope(threads);
  MachinePeak peak;
  peak.threads = num_threads();
  if (const auto* kernels = kernels::simd::peak_kernels_for(current_isa())) {
    peak.gflops = best_rate(peak.threads, [&](size_t) { return kernels->float_operations(kRounds); });
    peak.gops = best_rate(peak.threads, [&](size_t) { return kernels->code_operations(kRounds); });
  }
  peak.read_gb_s = read_rate(peak.threads);
  return peak;
}

}  // namespace precis::flow
