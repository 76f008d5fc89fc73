// Element-wise int8 on AVX2: sums, rescaling, quantize and dequantize. Tails go through an 8-element buffer and the same code.
#include "precis/kernels/simd/int8_avx2.h"
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

// Calls body(i) for whole groups of 8 and body on copies for the rest. Operands are byte arrays of `size` bytes an element.
template <typename Body>
inline void in_eights(int64_t n, Body&& body) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) body(i, int64_t{8});
  if (i < n) body(i, n - i);
}

// 8 codes from p, or fewer (zeros behind them).
inline __m256i load_some(const std::byte* p, int64_t count, CodeType type, __m256i zero_point) {
  if (count == 8) return load_centred8(p, type, zero_point);
  std::byte buffer[8] = {};
  std::memcpy(buffer, p, static_cast<size_t>(count));
  return load_centred8(buffer, type, zero_point);
}

inline void store_some(std::byte* p, int64_t count, __m256i codes) {
  if (count == 8) return store8(p, codes);
  std::byte buffer[8];
  store8(buffer, codes);
  std::memcpy(p, buffer, static_cast<size_t>(count));
}

}  // namespace

void add_avx2(const Kernels::Sum& p, const std::byte* a, const std::byte* b, std::byte* y, int64_t n) {
  const __m256 ma = _mm256_set1_ps(p.multiplier_a), mb = _mm256_set1_ps(p.multiplier_b);
  const __m256 low = _mm256_set1_ps(p.low), high = _mm256_set1_ps(p.high);
  const __m256 zero_point = _mm256_set1_ps(p.zero_point), code_min = _mm256_set1_ps(p.code_min), code_max = _mm256_set1_ps(p.code_max);
  const __m256i za = _mm256_set1_epi32(p.a_zero_point), zb = _mm256_set1_epi32(p.b_zero_point);
  in_eights(n, [&](int64_t i, int64_t count) {
    const __m256 fa = _mm256_cvtepi32_ps(load_some(a + i, count, p.a_type, za));
    const __m256 fb = _mm256_cvtepi32_ps(load_some(b + i, count, p.b_type, zb));
    const __m256 t = _mm256_fmadd_ps(fb, mb, _mm256_mul_ps(fa, ma));
    store_some(y + i, count, round_to_codes(_mm256_min_ps(high, _mm256_max_ps(low, t)), zero_point, code_min, code_max));
  });
}

void rescale_avx2(const Kernels::Rescale& p, const std::byte* x, std::byte* y, int64_t n) {
  const __m256 m = _mm256_set1_ps(p.multiplier);
  const __m256 zero_point = _mm256_set1_ps(p.zero_point), code_min = _mm256_set1_ps(p.code_min), code_max = _mm256_set1_ps(p.code_max);
  const __m256i zx = _mm256_set1_epi32(p.x_zero_point);
  in_eights(n, [&](int64_t i, int64_t count) {
    const __m256 t = _mm256_mul_ps(_mm256_cvtepi32_ps(load_some(x + i, count, p.x_type, zx)), m);
    store_some(y + i, count, round_to_codes(t, zero_point, code_min, code_max));
  });
}

void quantize_avx2(const float* x, float scale, float zero_point, float code_min, float code_max, CodeType, std::byte* y, int64_t n) {
  const __m256 s = _mm256_set1_ps(scale), z = _mm256_set1_ps(zero_point), lo = _mm256_set1_ps(code_min), hi = _mm256_set1_ps(code_max);
  in_eights(n, [&](int64_t i, int64_t count) {
    alignas(32) float buffer[8] = {};
    const float* source = x + i;
    if (count < 8) {
      std::memcpy(buffer, source, static_cast<size_t>(count) * sizeof(float));
      source = buffer;
    }
    const __m256 q = _mm256_div_ps(_mm256_loadu_ps(source), s);  // a division, as the contract says
    // NaN quantizes to the zero point: such lanes are replaced by 0 before rounding.
    const __m256 number = _mm256_and_ps(q, _mm256_cmp_ps(q, q, _CMP_ORD_Q));
    store_some(y + i, count, round_to_codes(number, z, lo, hi));
  });
}

void dequantize_avx2(const std::byte* x, CodeType type, float scale, int32_t zero_point, float* y, int64_t n) {
  const __m256 s = _mm256_set1_ps(scale);
  const __m256i z = _mm256_set1_epi32(zero_point);
  in_eights(n, [&](int64_t i, int64_t count) {
    const __m256 r = _mm256_mul_ps(_mm256_cvtepi32_ps(load_some(x + i, count, type, z)), s);
    if (count == 8) {
      _mm256_storeu_ps(y + i, r);
    } else {
      alignas(32) float buffer[8];
      _mm256_store_ps(buffer, r);
      std::memcpy(y + i, buffer, static_cast<size_t>(count) * sizeof(float));
    }
  });
}

}  // namespace precis::kernels::simd
