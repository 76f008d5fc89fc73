// Tables over all codes on AVX2: VPSHUFB looks up 16 entries, so each of the 16 parts of a table answers for the codes whose upper
// half names it.
#include <immintrin.h>

#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

void look_up_codes(const std::byte* table, const std::byte* x, std::byte* y, int64_t n) {
  __m256i parts[16];
  for (int k = 0; k < 16; ++k)
    parts[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table + 16 * k)));
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
    __m256i found = _mm256_setzero_si256();
    for (int k = 0; k < 16; ++k) {
      // 0..15 for the codes of this part; the others get their top bit set by the saturating sum and so look up 0.
      const __m256i inside = _mm256_xor_si256(codes, _mm256_set1_epi8(static_cast<char>(k << 4)));
      found = _mm256_or_si256(found, _mm256_shuffle_epi8(parts[k], _mm256_adds_epu8(inside, _mm256_set1_epi8(0x70))));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i), found);
  }
  for (; i < n; ++i) y[i] = table[std::to_integer<size_t>(x[i])];
}

}  // namespace

void set_look_up_avx2(Kernels& k) { k.look_up = look_up_codes; }

}  // namespace precis::kernels::simd
