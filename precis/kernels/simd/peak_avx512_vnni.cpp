// Peak kernels for AVX-512 with VNNI.
#include <immintrin.h>

#include <cstdint>

#include "precis/kernels/simd/float_lanes_avx512.h"

namespace precis::kernels::simd {
namespace {

struct CodeLanes {
  static constexpr int64_t kCount = 64;
  using Vector = __m512i;
  static Vector set(int v) { return _mm512_set1_epi8(static_cast<char>(v)); }
  static Vector multiply_add(Vector sums, Vector u8, Vector s8) { return _mm512_dpbusd_epi32(sums, u8, s8); }
};

}  // namespace
}  // namespace precis::kernels::simd

// The bodies are written over the lanes above.
#include "precis/kernels/simd/peak_body.h"

namespace precis::kernels::simd {

const PeakKernels* peak_avx512_vnni() { return &kPeakKernels; }

}  // namespace precis::kernels::simd
