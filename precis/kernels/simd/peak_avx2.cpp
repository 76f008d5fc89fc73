// Peak kernels for AVX2.
#include <immintrin.h>

#include <cstdint>

#include "precis/kernels/simd/float_lanes_avx2.h"

namespace precis::kernels::simd {
namespace {

struct CodeLanes {
  static constexpr int64_t kCount = 32;
  using Vector = __m256i;
  static Vector set(int v) { return _mm256_set1_epi8(static_cast<char>(v)); }
  static Vector multiply_add(Vector sums, Vector u8, Vector s8) {
    const Vector pairs = _mm256_maddubs_epi16(u8, s8);
    return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
};

}  // namespace
}  // namespace precis::kernels::simd

// The bodies are written over the lanes above.
#include "precis/kernels/simd/peak_body.h"

namespace precis::kernels::simd {

const PeakKernels* peak_avx2() { return &kPeakKernels; }

}  // namespace precis::kernels::simd
