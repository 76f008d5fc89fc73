// Element-wise operators on codes for AVX-512.
#include "precis/kernels/simd/int8_lanes_avx512.h"
// The bodies are written over the lanes above.
#include "precis/kernels/simd/int8_elementwise_body.h"
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {

void set_elementwise_avx512(Kernels& k) { fill_elementwise(k); }

}  // namespace precis::kernels::simd
