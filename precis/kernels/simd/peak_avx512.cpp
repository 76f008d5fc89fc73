// Peak kernels for AVX-512 without VNNI.
#include <immintrin.h>

#include <cstdint>

#include "precis/kernels/simd/float_lanes_avx512.h"

namespace precis::kernels::simd {
namespace {

struct CodeLanes {
  static constexpr int64_t kCount = 64;
  using Vector = __m512i;
  static Vector set(int v) { return _mm512_set1_epi8(static_cast<char>(v)); }
  static Vector multiply_add(Vector sums, Vector u8, Vector s8) {
    const Vector pairs = _mm512_maddubs_epi16(u8, s8);
    return _mm512_add_epi32(sums, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
  }
};

}  // namespace
}  // namespace precis::kernels::simd

// The bodies are written over the lanes above.
#include "precis/kernels/simd/peak_body.h"

namespace precis::kernels::simd {

const PeakKernels* peak_avx512() { return &kPeakKernels; }

}  // namespace precis::kernels::simd
