// Pieces shared by the AVX-512 int8 files. Included only by files compiled for AVX-512; everything is
// internal to each (anonymous namespace), so no AVX-512 code can be merged with code compiled for less.
#pragma once

#include <immintrin.h>

#include <algorithm>

#include "precis/kernels/simd/int8_steps.h"
#include "precis/kernels/simd/int8_sums.h"
#include "precis/kernels/simd/int8_unroll.h"

namespace precis::kernels::simd {
namespace {

// The epilogue's constants. Rounding is monotone, so that clamping to the activation's limits, rounding,
// adding the zero point and clamping to the codes is one clamp before the rounding; its lower side is left to
// the saturating packs where it is the type's own limit (a conversion that overflows downwards gives the
// smallest integer).
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
        residual_flip(_mm_set1_epi8(e.residual_type == CodeType::kU8 ? 0 : -128)),
        residual_zero_point(_mm512_set1_epi32(zero_point_as_u8(e.residual_type, e.residual_zero_point))),
        residual_multiplier(_mm512_set1_ps(e.residual_multiplier)) {}
  const Epilogue& e;
  bool real, s8;
  float lowest;
  bool clamps_low;
  __m512 low, high;
  __m512i zero_point;
  __m128i residual_flip;
  __m512i residual_zero_point;
  __m512 residual_multiplier;

  __m512 scaled(__m512i sums, int64_t slot) const {
    __m512 t = _mm512_cvtepi32_ps(sums);
    if (e.bias != nullptr) t = _mm512_add_ps(t, _mm512_loadu_ps(e.bias + slot));
    t = _mm512_mul_ps(t, _mm512_loadu_ps(e.multiplier + slot));
    return e.shift != nullptr ? _mm512_add_ps(t, _mm512_loadu_ps(e.shift + slot)) : t;
  }
  __m512 clamped(__m512 t) const {
    if (clamps_low) t = _mm512_max_ps(low, t);
    return _mm512_min_ps(high, t);
  }
  // `raw`: 16 codes of the residual.
  __m512 add_residual(__m512 t, __m128i raw) const {
    const __m512i wide =
        _mm512_sub_epi32(_mm512_cvtepu8_epi32(_mm_xor_si128(raw, residual_flip)), residual_zero_point);
    return _mm512_fmadd_ps(residual_multiplier, _mm512_cvtepi32_ps(wide), t);
  }
  __m512 add_residual(__m512 t, const std::byte* codes) const {
    return add_residual(t, _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes)));
  }
  // Codes of 64 values; within each 128-bit lane: four of a, four of b, four of c, four of d.
  __m512i codes(__m512 a, __m512 b, __m512 c, __m512 d) const {
    const __m512i ab = _mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b));
    const __m512i cd = _mm512_packs_epi32(_mm512_cvtps_epi32(c), _mm512_cvtps_epi32(d));
    const __m512i lower = _mm512_adds_epi16(ab, zero_point), upper = _mm512_adds_epi16(cd, zero_point);
    return s8 ? _mm512_packs_epi16(lower, upper) : _mm512_packus_epi16(lower, upper);
  }

  // What sums of 16 channels become, before rounding. `at`: flat element of y; `valid` channels are wanted.
  __m512 value(__m512i sums, int64_t slot, int64_t at, int64_t valid) const {
    __m512 t = scaled(sums, slot);
    if (e.residual != nullptr) t = add_residual(t, load_codes(e.residual + at, valid));
    return clamped(t);
  }
  // The same for Steps::kPlain.
  __m512 plain_value(__m512i sums, int64_t slot) const {
    return _mm512_min_ps(high, _mm512_mul_ps(_mm512_cvtepi32_ps(sums), _mm512_loadu_ps(e.multiplier + slot)));
  }
  Steps steps() const {
    if (real) return Steps::kReal;
    return e.residual != nullptr || e.bias != nullptr || clamps_low ? Steps::kAll : Steps::kPlain;
  }

  static __m128i load_codes(const std::byte* p, int64_t valid) {
    return valid >= kChannelBlock ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(p))
                                  : _mm_maskz_loadu_epi8(mask16(valid), p);
  }
  static __mmask16 mask16(int64_t n) { return static_cast<__mmask16>(n >= 16 ? 0xffff : (1u << n) - 1); }
};

// Stores register tiles of R pixels x B blocks of channels.
template <Steps kSteps>
struct TileFinish512 : Finish512 {
  explicit TileFinish512(const Finish512& finish) : Finish512(finish) {}

  // `at`: flat element of the first pixel's first channel in y; `valid` channels are wanted.
  template <int R, int B>
  [[gnu::always_inline]] void store_tile(const __m512i (&sums)[R][B], int64_t slot, std::byte* y, int64_t at,
                                         int64_t y_stride, int64_t valid) const {
    if constexpr (kSteps == Steps::kReal) return store_reals<R, B>(sums, slot, y, at, y_stride, valid);
    constexpr int kPixels =
        B == 3 ? 1 : 4 / B;  // pixels of four vectors: they are rounded and packed together
    unroll<(R + kPixels - 1) / kPixels>([&](auto step) {
      constexpr int kFirst = step * kPixels;
      __m512 t[4];
      unroll<4>([&](auto i) {
        constexpr int r = kFirst + i / B, b = i % B;
        if constexpr (r < R && i < kPixels * B)
          t[i] = tile_value(sums[r][b], slot, b, at + r * y_stride, valid);
        else
          t[i] = t[0];
      });
      const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
      const __m512i row = _mm512_permutexvar_epi32(order, codes(t[0], t[1], t[2], t[3]));
      unroll<kPixels>([&](auto p) {
        if constexpr (kFirst + p < R) store_part<B>(row, p, y + at + (kFirst + p) * y_stride, valid);
      });
    });
  }

 private:
  __m512 tile_value(__m512i sums, int64_t slot, int b, int64_t at, int64_t valid) const {
    if constexpr (kSteps == Steps::kPlain) return plain_value(sums, slot + b * kChannelBlock);
    return value(sums, slot + b * kChannelBlock, at + b * kChannelBlock, valid - b * kChannelBlock);
  }
  template <int R, int B>
  [[gnu::always_inline]] void store_reals(const __m512i (&sums)[R][B], int64_t slot, std::byte* y, int64_t at,
                                          int64_t y_stride, int64_t valid) const {
    unroll<R>([&](auto r) {
      unroll<B>([&](auto b) {
        const int64_t left = valid - b * kChannelBlock;
        const __m512 t = clamped(scaled(sums[r][b], slot + b * kChannelBlock));
        _mm512_mask_storeu_ps(y + (at + r * y_stride + b * kChannelBlock) * 4, mask16(left), t);
      });
    });
  }
  // The p-th piece of B * 16 codes.
  template <int B>
  static void store_part(__m512i codes, int p, std::byte* y, int64_t valid) {
    if constexpr (B == 4) {
      valid == 64 ? _mm512_storeu_si512(y, codes)
                  : _mm512_mask_storeu_epi8(y, ~uint64_t{0} >> (64 - valid), codes);
    } else if constexpr (B == 3) {
      if (valid != 48) return _mm512_mask_storeu_epi8(y, ~uint64_t{0} >> (64 - valid), codes);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), _mm512_castsi512_si256(codes));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y + 32), _mm512_extracti32x4_epi32(codes, 2));
    } else if constexpr (B == 2) {
      const __m256i half = p == 0 ? _mm512_castsi512_si256(codes) : _mm512_extracti64x4_epi64(codes, 1);
      valid == 32 ? _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), half)
                  : _mm256_mask_storeu_epi8(y, ~uint32_t{0} >> (32 - valid), half);
    } else {
      const __m128i part = p == 0   ? _mm512_castsi512_si128(codes)
                           : p == 1 ? _mm512_extracti32x4_epi32(codes, 1)
                           : p == 2 ? _mm512_extracti32x4_epi32(codes, 2)
                                    : _mm512_extracti32x4_epi32(codes, 3);
      valid == 16 ? _mm_storeu_si128(reinterpret_cast<__m128i*>(y), part)
                  : _mm_mask_storeu_epi8(y, mask16(valid), part);
    }
  }
};

}  // namespace
}  // namespace precis::kernels::simd
