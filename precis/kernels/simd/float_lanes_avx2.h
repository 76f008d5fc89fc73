// The vector of the float kernels on AVX2: 8 lanes. Included only by files compiled for AVX2; internal to
// each (anonymous namespace).
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace precis::kernels::simd {
namespace {

struct FloatLanes {
  static constexpr int64_t kCount = 8;
  static constexpr int kSums = 12;   // accumulators that stay in registers
  static constexpr int kGroup = 3;  // samples that share a load of weights
  using Vector = __m256;

  static Vector set(float v) { return _mm256_set1_ps(v); }
  static Vector load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Vector v) { _mm256_storeu_ps(p, v); }
  static Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static Vector subtract(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
  static Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
  static Vector divide(Vector a, Vector b) { return _mm256_div_ps(a, b); }
  static Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }  // a b + c
  // A NaN in `a` stays one.
  static Vector min(Vector a, Vector b) { return _mm256_min_ps(b, a); }
  static Vector max(Vector a, Vector b) { return _mm256_max_ps(b, a); }
  static Vector round(Vector a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Vector magnitude(Vector a) { return _mm256_andnot_ps(set(-0.0f), a); }
  static Vector with_sign_of(Vector magnitude, Vector sign) {
    return _mm256_or_ps(magnitude, _mm256_and_ps(set(-0.0f), sign));
  }
  // 32-bit sums of products of pairs of 16-bit codes.
  using Sums = __m256i;
  static Sums no_sums() { return _mm256_setzero_si256(); }
  static Sums add_pairs(Sums sums, const int16_t* weights, int32_t pair) {
    const Sums w = _mm256_loadu_si256(reinterpret_cast<const Sums*>(weights));
    return _mm256_add_epi32(sums, _mm256_madd_epi16(w, _mm256_set1_epi32(pair)));
  }
  static Vector real(Sums v) { return _mm256_cvtepi32_ps(v); }
  // a < b ? x : y
  static Vector select_less(Vector a, Vector b, Vector x, Vector y) {
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
  }
  // v * 2^n for whole n that keep the result normal.
  static Vector scale_by_power(Vector v, Vector n) {
    const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(v), exponent));
  }
};

}  // namespace
}  // namespace precis::kernels::simd
