// Tables over all codes with the permutations of AVX-512 VBMI: four registers hold a table, 64 codes are looked up at once.
#include <immintrin.h>

#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

void look_up_codes(const std::byte* table, const std::byte* x, std::byte* y, int64_t n) {
  const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
  const __m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
  const auto look = [&](__m512i codes) {  // bits 0 to 6 choose inside a half, bit 7 the half
    const __m512i low = _mm512_permutex2var_epi8(t0, codes, t1), high = _mm512_permutex2var_epi8(t2, codes, t3);
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(codes), low, high);
  };
  int64_t i = 0;
  for (; i + 64 <= n; i += 64) _mm512_storeu_si512(y + i, look(_mm512_loadu_si512(x + i)));
  if (i == n) return;
  const __mmask64 rest = (__mmask64{1} << (n - i)) - 1;
  _mm512_mask_storeu_epi8(y + i, rest, look(_mm512_maskz_loadu_epi8(rest, x + i)));
}

}  // namespace

void set_look_up_vbmi(Kernels& k) { k.look_up = look_up_codes; }

}  // namespace precis::kernels::simd
