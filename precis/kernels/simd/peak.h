// What a core can do at most, measured by nothing but multiplying and adding in registers: what kernels are
// compared with.
#pragma once

#include <cstdint>

#include "precis/core/isa.h"

namespace precis::kernels::simd {

struct PeakKernels {
  // Both run `rounds` rounds and return the operations done; a multiplication and an addition are two.
  double (*float_operations)(int64_t rounds);  // f32
  double (*code_operations)(int64_t rounds);   // u8 x s8 into s32
};

// Null for instruction sets that have none.
const PeakKernels* peak_kernels_for(Isa isa);

// Sums n words: as fast as memory is read. The sum is there so that nothing can be left out.
uint64_t read_memory(const uint64_t* words, int64_t n);

}  // namespace precis::kernels::simd
