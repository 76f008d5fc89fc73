// The per-ISA tables behind recurrent_kernels_for(). Internal to precis/kernels/simd.
#pragma once

#include "precis/kernels/simd/recurrent.h"

namespace precis::kernels::simd {

const RecurrentKernels* recurrent_avx2();
const RecurrentKernels* recurrent_avx512();

}  // namespace precis::kernels::simd
