// Pools of codes for AVX-512.
#include "precis/kernels/simd/int8_lanes_avx512.h"
// The bodies are written over the lanes above.
#include "precis/kernels/simd/int8_pool_body.h"
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {

void set_pools_avx512(Kernels& k) { fill_pools(k); }

}  // namespace precis::kernels::simd
