// Recurrent networks for AVX2.
#include "precis/kernels/simd/float_lanes_avx2.h"
// The bodies are written over the lanes above.
#include "precis/kernels/simd/recurrent_body.h"

namespace precis::kernels::simd {

const RecurrentKernels* recurrent_avx2() { return &kRecurrentKernels; }

}  // namespace precis::kernels::simd
