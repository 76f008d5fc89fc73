// The vector of the code kernels (int8_elementwise_body.h, int8_pool_body.h) on AVX2: 8 lanes of int32 or
// float. Included only by files compiled for AVX2; internal to each (anonymous namespace).
#pragma once

#include <immintrin.h>

#include <cstring>

#include "precis/kernels/simd/int8.h"

namespace precis::kernels::simd {
namespace {

struct Full {};  // in place of a count: all lanes

struct Lanes {
  static constexpr int64_t kCount = 8;
  using Real = __m256;
  using Int = __m256i;
  using Raw = __m128i;  // codes of all lanes, one byte each

  static Real set(float v) { return _mm256_set1_ps(v); }
  static Int set(int32_t v) { return _mm256_set1_epi32(v); }
  static Raw set_raw(int v) { return _mm_set1_epi8(static_cast<char>(v)); }

  // Fewer than all lanes go through a buffer; what lies behind them is never touched.
  static Raw load(const std::byte* p, Full) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); }
  static Raw load(const std::byte* p, int64_t count) {
    std::byte buffer[kCount] = {};
    std::memcpy(buffer, p, static_cast<size_t>(count));
    return load(buffer, Full());
  }
  static Real load(const float* p, Full) { return _mm256_loadu_ps(p); }
  static Real load(const float* p, int64_t count) {
    float buffer[kCount] = {};
    std::memcpy(buffer, p, static_cast<size_t>(count) * sizeof(float));
    return _mm256_loadu_ps(buffer);
  }
  // The low byte of each lane.
  static void store_codes(std::byte* p, Full, Int v) {
    const __m256i pick = _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4,
                                          8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m256i bytes = _mm256_shuffle_epi8(v, pick);
    const __m128i codes =
        _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), codes);
  }
  static void store_codes(std::byte* p, int64_t count, Int v) {
    std::byte buffer[kCount];
    store_codes(buffer, Full(), v);
    std::memcpy(p, buffer, static_cast<size_t>(count));
  }
  static void store(float* p, Full, Real v) { _mm256_storeu_ps(p, v); }
  static void store(float* p, int64_t count, Real v) {
    float buffer[kCount];
    _mm256_storeu_ps(buffer, v);
    std::memcpy(p, buffer, static_cast<size_t>(count) * sizeof(float));
  }

  static Raw exclusive_or(Raw a, Raw b) { return _mm_xor_si128(a, b); }
  static Int widen(Raw codes) { return _mm256_cvtepu8_epi32(codes); }
  // Twice as many lanes of uint16.
  static Int widen_pair(const std::byte* p, Full) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static Int widen_pair(const std::byte* p, int64_t count) {
    std::byte buffer[2 * kCount] = {};
    std::memcpy(buffer, p, static_cast<size_t>(count));
    return widen_pair(buffer, Full());
  }
  static Int add_pairs(Int a, Int b) { return _mm256_add_epi16(a, b); }
  static Int exclusive_or(Int a, Int b) { return _mm256_xor_si256(a, b); }
  static Int first_of_pair(Int v) { return _mm256_cvtepu16_epi32(_mm256_castsi256_si128(v)); }
  static Int second_of_pair(Int v) { return _mm256_cvtepu16_epi32(_mm256_extracti128_si256(v, 1)); }
  static Int add(Int a, Int b) { return _mm256_add_epi32(a, b); }
  static Int subtract(Int a, Int b) { return _mm256_sub_epi32(a, b); }
  static Int multiply(Int a, Int b) { return _mm256_mullo_epi32(a, b); }
  static Real real(Int v) { return _mm256_cvtepi32_ps(v); }
  static Int rounded(Real v) { return _mm256_cvtps_epi32(v); }  // half to even
  static Real add(Real a, Real b) { return _mm256_add_ps(a, b); }
  static Real multiply(Real a, Real b) { return _mm256_mul_ps(a, b); }
  static Real divide(Real a, Real b) { return _mm256_div_ps(a, b); }
  static Real fused(Real a, Real b, Real c) { return _mm256_fmadd_ps(a, b, c); }
  static Real clamped(Real v, Real low, Real high) { return _mm256_min_ps(high, _mm256_max_ps(low, v)); }
  // The second one where the first is NaN.
  static Real smaller(Real a, Real b) { return _mm256_min_ps(a, b); }
  static Real larger(Real a, Real b) { return _mm256_max_ps(a, b); }
  static Real zero_for_nan(Real v) { return _mm256_and_ps(v, _mm256_cmp_ps(v, v, _CMP_ORD_Q)); }
};

// Whole registers of codes, for maxima.
struct Bytes {
  static constexpr int64_t kCount = 32;
  using Type = __m256i;
  static Type set(int v) { return _mm256_set1_epi8(static_cast<char>(v)); }
  static Type load(const std::byte* p, Full) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static Type load(const std::byte* p, int64_t count) {
    std::byte buffer[kCount] = {};
    std::memcpy(buffer, p, static_cast<size_t>(count));
    return load(buffer, Full());
  }
  static void store(std::byte* p, Full, Type v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  static void store(std::byte* p, int64_t count, Type v) {
    std::byte buffer[kCount];
    store(buffer, Full(), v);
    std::memcpy(p, buffer, static_cast<size_t>(count));
  }
  static Type larger_unsigned(Type a, Type b) { return _mm256_max_epu8(a, b); }
  static Type larger_signed(Type a, Type b) { return _mm256_max_epi8(a, b); }
};

}  // namespace
}  // namespace precis::kernels::simd
