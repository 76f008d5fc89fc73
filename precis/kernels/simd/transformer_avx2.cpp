// Normalized rows and attention for AVX2.
#include "precis/kernels/simd/float_lanes_avx2.h"
// The bodies are written over the lanes above.
#include "precis/kernels/simd/attention_body.h"
#include "precis/kernels/simd/normalize_body.h"

namespace precis::kernels::simd {

const TransformerKernels* transformer_avx2() {
  static constexpr TransformerKernels kKernels{normalize_rows, attend, attention_scratch, kRowsAtOnce};
  return &kKernels;
}

}  // namespace precis::kernels::simd
