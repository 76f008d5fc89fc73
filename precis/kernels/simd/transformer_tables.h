// The per-ISA tables behind transformer_kernels_for(). Internal to precis/kernels/simd.
#pragma once

#include "precis/kernels/simd/transformer.h"

namespace precis::kernels::simd {

const TransformerKernels* transformer_avx2();
const TransformerKernels* transformer_avx512();

}  // namespace precis::kernels::simd
