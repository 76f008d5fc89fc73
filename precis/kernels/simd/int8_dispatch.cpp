// Which table an instruction set gets. AVX-512 machines use the AVX2 kernels where exactness without VNNI is asked for.
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {

const Kernels* kernels_for(Isa isa) {
#if defined(__x86_64__)
  static const Kernels avx2 = {conv_avx2,       add_avx2,          rescale_avx2, quantize_avx2,
                               dequantize_avx2, max_pool_avx2,  average_pool_avx2};
  return isa == Isa::kScalar ? nullptr : &avx2;
#else
  (void)isa;
  return nullptr;
#endif
}

}  // namespace precis::kernels::simd
