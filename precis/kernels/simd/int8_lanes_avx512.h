// The vector of the code kernels (int8_elementwise_body.h, int8_pool_body.h) on AVX-512 (F, BW, DQ, VL): 16
// lanes of int32 or float, tails by masks. Included only by files compiled for AVX-512; internal to each
// (anonymous namespace).
#pragma once

#include <immintrin.h>

#include "precis/kernels/simd/int8.h"

namespace precis::kernels::simd {
namespace {

struct Full {};  // in place of a count: all lanes

struct Lanes {
  static constexpr int64_t kCount = 16;
  using Real = __m512;
  using Int = __m512i;
  using Raw = __m128i;  // codes of all lanes, one byte each

  static Real set(float v) { return _mm512_set1_ps(v); }
  static Int set(int32_t v) { return _mm512_set1_epi32(v); }
  static Raw set_raw(int v) { return _mm_set1_epi8(static_cast<char>(v)); }
  static __mmask16 first(int64_t count) { return static_cast<__mmask16>((1u << count) - 1); }

  static Raw load(const std::byte* p, Full) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
  static Raw load(const std::byte* p, int64_t count) { return _mm_maskz_loadu_epi8(first(count), p); }
  static Real load(const float* p, Full) { return _mm512_loadu_ps(p); }
  static Real load(const float* p, int64_t count) { return _mm512_maskz_loadu_ps(first(count), p); }
  // The low byte of each lane.
  static void store_codes(std::byte* p, Full, Int v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), narrow(v));
  }
  static void store_codes(std::byte* p, int64_t count, Int v) {
    _mm_mask_storeu_epi8(p, first(count), narrow(v));
  }
  static void store(float* p, Full, Real v) { _mm512_storeu_ps(p, v); }
  static void store(float* p, int64_t count, Real v) { _mm512_mask_storeu_ps(p, first(count), v); }

  static Raw exclusive_or(Raw a, Raw b) { return _mm_xor_si128(a, b); }
  static Int widen(Raw codes) { return _mm512_maskz_cvtepu8_epi32(kAll, codes); }
  // Twice as many lanes of uint16.
  static Int widen_pair(const std::byte* p, Full) {
    return widen_pair(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Int widen_pair(const std::byte* p, int64_t count) {
    return widen_pair(_mm256_maskz_loadu_epi8(static_cast<__mmask32>((uint64_t{1} << count) - 1), p));
  }
  static Int add_pairs(Int a, Int b) { return _mm512_add_epi16(a, b); }
  static Int exclusive_or(Int a, Int b) { return _mm512_xor_si512(a, b); }
  static Int first_of_pair(Int v) {
    return _mm512_maskz_cvtepu16_epi32(kAll, _mm512_maskz_extracti64x4_epi64(0xf, v, 0));
  }
  static Int second_of_pair(Int v) {
    return _mm512_maskz_cvtepu16_epi32(kAll, _mm512_maskz_extracti64x4_epi64(0xf, v, 1));
  }
  static Int add(Int a, Int b) { return _mm512_add_epi32(a, b); }
  static Int subtract(Int a, Int b) { return _mm512_sub_epi32(a, b); }
  static Int multiply(Int a, Int b) { return _mm512_mullo_epi32(a, b); }
  static Real real(Int v) { return _mm512_maskz_cvtepi32_ps(kAll, v); }
  static Int rounded(Real v) { return _mm512_maskz_cvtps_epi32(kAll, v); }  // half to even
  static Real add(Real a, Real b) { return _mm512_add_ps(a, b); }
  static Real multiply(Real a, Real b) { return _mm512_mul_ps(a, b); }
  static Real divide(Real a, Real b) { return _mm512_div_ps(a, b); }
  static Real fused(Real a, Real b, Real c) { return _mm512_fmadd_ps(a, b, c); }
  static Real clamped(Real v, Real low, Real high) {
    return _mm512_maskz_min_ps(kAll, high, _mm512_maskz_max_ps(kAll, low, v));
  }
  // The second one where the first is NaN.
  static Real smaller(Real a, Real b) { return _mm512_maskz_min_ps(kAll, a, b); }
  static Real larger(Real a, Real b) { return _mm512_maskz_max_ps(kAll, a, b); }
  static Real zero_for_nan(Real v) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, v, _CMP_ORD_Q), v); }

 private:
  static Int widen_pair(__m256i codes) { return _mm512_maskz_cvtepu8_epi16(~__mmask32{0}, codes); }
  // Zero-masked forms with all lanes: the plain ones pass an undefined register that GCC 12 warns about.
  static constexpr __mmask16 kAll = 0xffff;
  static __m128i narrow(Int v) { return _mm512_maskz_cvtepi32_epi8(kAll, v); }
};

// Whole registers of codes, for maxima.
struct Bytes {
  static constexpr int64_t kCount = 64;
  using Type = __m512i;
  static Type set(int v) { return _mm512_set1_epi8(static_cast<char>(v)); }
  static __mmask64 first(int64_t count) { return (__mmask64{1} << count) - 1; }
  static Type load(const std::byte* p, Full) { return _mm512_loadu_si512(p); }
  static Type load(const std::byte* p, int64_t count) { return _mm512_maskz_loadu_epi8(first(count), p); }
  static void store(std::byte* p, Full, Type v) { _mm512_storeu_si512(p, v); }
  static void store(std::byte* p, int64_t count, Type v) { _mm512_mask_storeu_epi8(p, first(count), v); }
  static Type larger_unsigned(Type a, Type b) { return _mm512_max_epu8(a, b); }
  static Type larger_signed(Type a, Type b) { return _mm512_max_epi8(a, b); }
};

}  // namespace
}  // namespace precis::kernels::simd
