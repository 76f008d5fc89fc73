// Which instruction set has which peak kernels, and the reading of memory.
#include "precis/kernels/simd/peak.h"

#include "precis/kernels/simd/peak_tables.h"

namespace precis::kernels::simd {

const PeakKernels* peak_kernels_for(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx2:
      return peak_avx2();
    case Isa::kAvx2Vnni:
      return peak_avx2_vnni();
    case Isa::kAvx512:
      return peak_avx512();
    case Isa::kAvx512Vnni:
      return peak_avx512_vnni();
#endif
    default:
      return nullptr;
  }
}

uint64_t read_memory(const uint64_t* words, int64_t n) {
  constexpr int64_t kChains = 8;
  uint64_t sums[kChains] = {};
  int64_t i = 0;
  for (; i + kChains <= n; i += kChains)
    for (int64_t k = 0; k < kChains; ++k) sums[k] += words[i + k];
  for (; i < n; ++i) sums[0] += words[i];
  uint64_t sum = 0;
  for (const uint64_t s : sums) sum += s;
  return sum;
}

}  // namespace precis::kernels::simd
