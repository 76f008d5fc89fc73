// Pieces shared by the AVX2 int8 files. Included only by files compiled for AVX2; everything is internal to each (anonymous
// namespace), so no AVX2 code can be merged with code compiled for less.
#pragma once

#include <immintrin.h>

#include <cstring>

#include "precis/kernels/simd/int8.h"

namespace precis::kernels::simd {
namespace {

// 8 codes -> centred int32.
inline __m256i load_centred8(const std::byte* p, CodeType type, __m256i zero_point) {
  const __m128i raw = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  const __m256i wide = type == CodeType::kU8 ? _mm256_cvtepu8_epi32(raw) : _mm256_cvtepi8_epi32(raw);
  return _mm256_sub_epi32(wide, zero_point);
}

// 16 codes -> centred int16.
inline __m256i load_centred16(const std::byte* p, CodeType type, __m256i zero_point) {
  const __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m256i wide = type == CodeType::kU8 ? _mm256_cvtepu8_epi16(raw) : _mm256_cvtepi8_epi16(raw);
  return _mm256_sub_epi16(wide, zero_point);
}

// saturate(rne(t) + zero_point) as int32; limits in float, so that no conversion can overflow.
inline __m256i round_to_codes(__m256 t, __m256 zero_point, __m256 code_min, __m256 code_max) {
  const __m256 r = _mm256_add_ps(_mm256_round_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), zero_point);
  return _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(r, code_min), code_max));
}

// The low byte of each of 8 int32: 8 bytes in the low half of an XMM register. Values are codes already: truncation is exact.
inline __m128i narrow8(__m256i v) {
  const __m256i pick = _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12, -1, -1, -1, -1, -1, -1,
                                        -1, -1, -1, -1, -1, -1);
  const __m256i bytes = _mm256_shuffle_epi8(v, pick);
  return _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
}

inline void store8(std::byte* p, __m256i v) { _mm_storel_epi64(reinterpret_cast<__m128i*>(p), narrow8(v)); }

// Epilogue constants in registers' width.
struct EpilogueRegs {
  explicit EpilogueRegs(const Epilogue& e)
      : low(_mm256_set1_ps(e.low)), high(_mm256_set1_ps(e.high)), zero_point(_mm256_set1_ps(e.zero_point)),
        code_min(_mm256_set1_ps(e.code_min)), code_max(_mm256_set1_ps(e.code_max)), residual_multiplier(_mm256_set1_ps(e.residual_multiplier)),
        residual_zero_point(_mm256_set1_epi32(e.residual_zero_point)) {}
  __m256 low, high, zero_point, code_min, code_max, residual_multiplier;
  __m256i residual_zero_point;
};

// t for 8 channels: (float(acc) + bias) * M, the residual, the activation. max(low, t) keeps t where both are zero.
inline __m256 scaled(const Epilogue& e, const EpilogueRegs& r, __m256i acc, int64_t channel, const std::byte* residual) {
  __m256 t = _mm256_mul_ps(_mm256_add_ps(_mm256_cvtepi32_ps(acc), _mm256_loadu_ps(e.bias + channel)), _mm256_loadu_ps(e.multiplier + channel));
  if (residual != nullptr)
    t = _mm256_fmadd_ps(r.residual_multiplier, _mm256_cvtepi32_ps(load_centred8(residual, e.residual_type, r.residual_zero_point)), t);
  return _mm256_min_ps(r.high, _mm256_max_ps(r.low, t));
}

// Writes 8 results whose first has flat element index `at` in y; `valid` < 8 at the end of the channels (through a buffer,
// so that neither reads of the residual nor writes pass the end).
inline void finish8(const Epilogue& e, const EpilogueRegs& r, __m256i acc, int64_t channel, std::byte* y, int64_t at, int64_t valid) {
  alignas(32) std::byte tail[32];
  const std::byte* residual = e.residual != nullptr ? e.residual + at : nullptr;
  if (valid < 8 && residual != nullptr) {
    std::memset(tail, 0, 8);
    std::memcpy(tail, residual, static_cast<size_t>(valid));
    residual = tail;
  }
  const __m256 t = scaled(e, r, acc, channel, residual);
  const bool real = e.result == Epilogue::Result::kF32;
  std::byte* target = valid < 8 ? tail : y + at * (real ? 4 : 1);
  if (real)
    _mm256_storeu_ps(reinterpret_cast<float*>(target), t);
  else
    store8(target, round_to_codes(t, r.zero_point, r.code_min, r.code_max));
  if (valid < 8) std::memcpy(y + at * (real ? 4 : 1), tail, static_cast<size_t>(valid * (real ? 4 : 1)));
}

}  // namespace
}  // namespace precis::kernels::simd
