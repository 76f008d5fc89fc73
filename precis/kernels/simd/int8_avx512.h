// Pieces shared by the AVX-512 int8 files. Included only by files compiled for AVX-512; everything is internal to each
// (anonymous namespace), so no AVX-512 code can be merged with code compiled for less.
#pragma once

#include <immintrin.h>

#include <algorithm>

#include "precis/kernels/simd/int8.h"

namespace precis::kernels::simd {
namespace {

// The epilogue's constants. Rounding is monotone, so that clamping to the activation's limits, rounding, adding the zero
// point and clamping to the codes is one clamp before the rounding; its lower side is left to the saturating packs where it
// is the type's own limit (a conversion that overflows downwards gives the smallest integer).
struct Finish512 {
  explicit Finish512(const Epilogue& epilogue)
      : e(epilogue),
        real(e.result == Epilogue::Result::kF32),
        s8(e.result == Epilogue::Result::kS8),
        lowest(real ? e.low : std::max(e.low, e.code_min - e.zero_point)),
        clamps_low(real || lowest != (s8 ? -128.0f : 0.0f) - e.zero_point),
        low(_mm512_set1_ps(lowest)),
        high(_mm512_set1_ps(real ? e.high : std::min(e.high, e.code_max - e.zero_point))),
        zero_point(_mm512_set1_epi16(static_cast<int16_t>(e.zero_point))),
        residual_zero_point(_mm512_set1_epi32(e.residual_zero_point)),
        residual_multiplier(_mm512_set1_ps(e.residual_multiplier)) {}
  const Epilogue& e;
  bool real, s8;
  float lowest;
  bool clamps_low;
  __m512 low, high;
  __m512i zero_point, residual_zero_point;
  __m512 residual_multiplier;

  __m512 scaled(__m512i sums, int64_t slot) const {
    __m512 t = _mm512_cvtepi32_ps(sums);
    if (e.bias != nullptr) t = _mm512_add_ps(t, _mm512_loadu_ps(e.bias + slot));
    return _mm512_mul_ps(t, _mm512_loadu_ps(e.multiplier + slot));
  }
  __m512 clamped(__m512 t) const {
    if (clamps_low) t = _mm512_max_ps(low, t);
    return _mm512_min_ps(high, t);
  }
  // `raw`: 16 codes.
  __m512 add_residual(__m512 t, __m128i raw) const {
    const __m512i wide = e.residual_type == CodeType::kU8 ? _mm512_cvtepu8_epi32(raw) : _mm512_cvtepi8_epi32(raw);
    return _mm512_fmadd_ps(residual_multiplier, _mm512_cvtepi32_ps(_mm512_sub_epi32(wide, residual_zero_point)), t);
  }
  // Codes of 64 values; within each 128-bit lane: four of a, four of b, four of c, four of d.
  __m512i codes(__m512 a, __m512 b, __m512 c, __m512 d) const {
    const __m512i ab = _mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b));
    const __m512i cd = _mm512_packs_epi32(_mm512_cvtps_epi32(c), _mm512_cvtps_epi32(d));
    const __m512i lower = _mm512_adds_epi16(ab, zero_point), upper = _mm512_adds_epi16(cd, zero_point);
    return s8 ? _mm512_packs_epi16(lower, upper) : _mm512_packus_epi16(lower, upper);
  }

  // Results of B blocks of 16 channels of one pixel, at flat element `at` of y; `valid` of them wanted.
  template <int B>
  void store_row(const __m512i (&sums)[B], int64_t slot, std::byte* y, int64_t at, int64_t valid) const {
    __m512 t[4];
    for (int b = 0; b < B; ++b) {
      t[b] = scaled(sums[b], slot + b * kChannelBlock);
      if (e.residual != nullptr) {
        const std::byte* codes = e.residual + at + b * kChannelBlock;
        const int64_t left = valid - b * kChannelBlock;
        t[b] = add_residual(t[b], left >= kChannelBlock ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes))
                                                        : _mm_maskz_loadu_epi8(mask16(left), codes));
      }
      t[b] = clamped(t[b]);
    }
    if (real) {
      for (int b = 0; b < B; ++b)
        _mm512_mask_storeu_ps(y + (at + b * kChannelBlock) * 4, mask16(valid - b * kChannelBlock), t[b]);
      return;
    }
    for (int b = B; b < 4; ++b) t[b] = t[0];
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    store_codes<B>(_mm512_permutexvar_epi32(order, codes(t[0], t[1], t[2], t[3])), y + at, valid);
  }

 private:
  static __mmask16 mask16(int64_t n) { return static_cast<__mmask16>(n >= 16 ? 0xffff : (1u << n) - 1); }
  template <int B>
  static void store_codes(__m512i codes, std::byte* y, int64_t valid) {
    if (valid != B * kChannelBlock || B == 3) {
      _mm512_mask_storeu_epi8(y, ~uint64_t{0} >> (64 - valid), codes);
    } else if constexpr (B == 4) {
      _mm512_storeu_si512(y, codes);
    } else if constexpr (B == 2) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), _mm512_castsi512_si256(codes));
    } else {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y), _mm512_castsi512_si128(codes));
    }
  }
};

}  // namespace
}  // namespace precis::kernels::simd
