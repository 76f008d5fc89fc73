// The per-ISA tables behind peak_kernels_for(). Internal to precis/kernels/simd.
#pragma once

#include "precis/kernels/simd/peak.h"

namespace precis::kernels::simd {

const PeakKernels* peak_avx2();
const PeakKernels* peak_avx2_vnni();
const PeakKernels* peak_avx512();
const PeakKernels* peak_avx512_vnni();

}  // namespace precis::kernels::simd
