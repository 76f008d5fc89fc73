// Recurrent networks for AVX-512.
#include "precis/kernels/simd/float_lanes_avx512.h"
// The bodies are written over the lanes above.
#include "precis/kernels/simd/recurrent_body.h"

namespace precis::kernels::simd {

const RecurrentKernels* recurrent_avx512() { return &kRecurrentKernels; }

}  // namespace precis::kernels::simd
