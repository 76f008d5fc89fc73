// The vector of the float kernels on AVX-512: 16 lanes. Included only by files compiled for AVX-512; internal
// to each (anonymous namespace).
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace precis::kernels::simd {
namespace {

struct FloatLanes {
  static constexpr int64_t kCount = 16;
  static constexpr int kSums = 16;  // accumulators that stay in registers
  static constexpr int kGroup = 4;  // samples that share a load of weights
  using Vector = __m512;

  static Vector set(float v) { return _mm512_set1_ps(v); }
  static Vector load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Vector v) { _mm512_storeu_ps(p, v); }
  static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static Vector subtract(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
  static Vector multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
  static Vector divide(Vector a, Vector b) { return _mm512_div_ps(a, b); }
  static Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }  // a b + c
  // A NaN in `a` stays one.
  static Vector min(Vector a, Vector b) { return _mm512_min_ps(b, a); }
  static Vector max(Vector a, Vector b) { return _mm512_max_ps(b, a); }
  static Vector round(Vector a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static Vector magnitude(Vector a) { return _mm512_abs_ps(a); }
  static Vector with_sign_of(Vector magnitude, Vector sign) {
    return _mm512_or_ps(magnitude, _mm512_and_ps(set(-0.0f), sign));
  }
  // 32-bit sums of products of pairs of 16-bit codes.
  using Sums = __m512i;
  static Sums no_sums() { return _mm512_setzero_si512(); }
  static Sums add_pairs(Sums sums, const int16_t* weights, int32_t pair) {
    const Sums w = _mm512_loadu_si512(reinterpret_cast<const Sums*>(weights));
    return _mm512_add_epi32(sums, _mm512_madd_epi16(w, _mm512_set1_epi32(pair)));
  }
  static Vector real(Sums v) { return _mm512_cvtepi32_ps(v); }
  // a < b ? x : y
  static Vector select_less(Vector a, Vector b, Vector x, Vector y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
  }
  // v * 2^n for whole n that keep the result normal.
  static Vector scale_by_power(Vector v, Vector n) {
    const __m512i exponent = _mm512_slli_epi32(_mm512_cvtps_epi32(n), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(v), exponent));
  }
};

}  // namespace
}  // namespace precis::kernels::simd
