// Which instruction set has transformer kernels.
#include "precis/kernels/simd/transformer.h"

#include "precis/kernels/simd/transformer_tables.h"

namespace precis::kernels::simd {

const TransformerKernels* transformer_kernels_for(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx2:
    case Isa::kAvx2Vnni:
      return transformer_avx2();
    case Isa::kAvx512:
    case Isa::kAvx512Vnni:
      return transformer_avx512();
#endif
    default:
      return nullptr;
  }
}

}  // namespace precis::kernels::simd
