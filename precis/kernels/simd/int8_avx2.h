// Pieces shared by the AVX2 int8 files. Included only by files compiled for AVX2; everything is internal to each (anonymous
// namespace), so no AVX2 code can be merged with code compiled for less.
#pragma once

#include <immintrin.h>

#include <algorithm>
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

// The zero point of codes once they are read as u8.
inline int32_t as_u8(CodeType type, int32_t zero_point) { return type == CodeType::kU8 ? zero_point : zero_point + 128; }

// Pixels of a 1x1 convolution without stride or padding are rows of codes already.
inline bool pixels_are_rows(const ConvShape& s) {
  for (int i = 0; i < 3; ++i)
    if (s.kernel[i] != 1 || s.stride[i] != 1 || s.pad[i] != 0 || s.in[i] != s.out[i]) return false;
  return s.groups == 1;
}

// Copies n bytes without touching any other: overlapping pieces of the largest size that fits. `flip` is XORed in.
inline void copy_run(const std::byte* from, int64_t n, __m128i flip, std::byte* to) {
  const auto move16 = [&](int64_t i) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), _mm_xor_si128(v, flip));
  };
  const auto move8 = [&](int64_t i) {
    const __m128i v = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + i));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to + i), _mm_xor_si128(v, flip));
  };
  if (n >= 16) {
    for (int64_t i = 0; i + 16 <= n; i += 16) move16(i);
    if (n % 16 != 0) move16(n - 16);
  } else if (n >= 8) {
    move8(0);
    move8(n - 8);
  } else {
    const auto mask = static_cast<std::byte>(_mm_cvtsi128_si32(flip));
    for (int64_t i = 0; i < n; ++i) to[i] = from[i] ^ mask;
  }
}

// Walks over output pixels in order without dividing for each.
class PixelWalk {
 public:
  PixelWalk(const ConvShape& s, int64_t row) : s_(s) {
    for (int i = 2; i >= 0; --i) {
      at[i] = row % s.out[i];
      row /= s.out[i];
    }
    n = row;
  }
  void next() {
    for (int i = 2; i >= 0; --i) {
      if (++at[i] < s_.out[i]) return;
      at[i] = 0;
    }
    ++n;
  }
  int64_t n, at[3];

 private:
  const ConvShape& s_;
};

// Rows of u8 codes for output pixels (im2col); s8 codes become u8 with the sign bit flipped.
class ByteGather {
 public:
  ByteGather(const ConvShape& s, const std::byte* x, CodeType type, int32_t zero_point)
      : s_(s), x_(x), group_in_(s.in_channels / s.groups), dense_taps_(s.groups == 1 && s.dilation[2] == 1),
        padding_(static_cast<std::byte>(as_u8(type, zero_point))), flip_(_mm_set1_epi8(type == CodeType::kU8 ? 0 : -128)) {}

  // The K codes that an output pixel reads in `group`: spatial, then channel. Padding reads the zero point.
  void pixel(const PixelWalk& p, int64_t group, std::byte* out) const {
    int64_t z[3];
    bool inside = true;
    for (int i = 0; i < 3; ++i) {
      z[i] = p.at[i] * s_.stride[i] - s_.pad[i];
      inside = inside && z[i] >= 0 && z[i] + (s_.kernel[i] - 1) * s_.dilation[i] < s_.in[i];
    }
    const int64_t first = ((p.n * s_.in[0] + z[0]) * s_.in[1] + z[1]) * s_.in[2] + z[2];
    const std::byte* origin = x_ + first * s_.in_channels + group * group_in_;  // of tap 0; only used where it lies inside
    inside ? inner_pixel(origin, out) : border_pixel(p, z, group, out);
  }

 private:
  void inner_pixel(const std::byte* origin, std::byte* out) const {
    const int64_t line = s_.in[2] * s_.in_channels, run = s_.kernel[2] * group_in_;
    for (int64_t a = 0; a < s_.kernel[0]; ++a) {
      const std::byte* plane = origin + a * s_.dilation[0] * s_.in[1] * line;
      for (int64_t b = 0; b < s_.kernel[1]; ++b, out += run) {
        const std::byte* taps = plane + b * s_.dilation[1] * line;
        if (dense_taps_)
          copy_run(taps, run, flip_, out);  // neighbouring taps are neighbours in memory
        else
          for (int64_t c = 0; c < s_.kernel[2]; ++c)
            copy_run(taps + c * s_.dilation[2] * s_.in_channels, group_in_, flip_, out + c * group_in_);
      }
    }
  }
  void border_pixel(const PixelWalk& p, const int64_t (&z)[3], int64_t group, std::byte* out) const {
    for (int64_t a = 0; a < s_.kernel[0]; ++a)
      for (int64_t b = 0; b < s_.kernel[1]; ++b)
        for (int64_t c = 0; c < s_.kernel[2]; ++c, out += group_in_) {
          const int64_t at[3] = {z[0] + a * s_.dilation[0], z[1] + b * s_.dilation[1], z[2] + c * s_.dilation[2]};
          bool inside = true;
          for (int i = 0; i < 3; ++i) inside = inside && at[i] >= 0 && at[i] < s_.in[i];
          const int64_t pixel = ((p.n * s_.in[0] + at[0]) * s_.in[1] + at[1]) * s_.in[2] + at[2];
          if (inside)
            copy_run(x_ + pixel * s_.in_channels + group * group_in_, group_in_, flip_, out);
          else
            std::fill(out, out + group_in_, padding_);
        }
  }

  const ConvShape& s_;
  const std::byte* x_;
  int64_t group_in_;
  bool dense_taps_;
  std::byte padding_;
  __m128i flip_;
};

// The epilogue's constants. Rounding is monotone, so that clamping to the activation's limits, rounding, adding the zero
// point and clamping to the codes is one clamp before the rounding.
struct Finish {
  explicit Finish(const Epilogue& epilogue)
      : e(epilogue), real(e.result == Epilogue::Result::kF32), s8(e.result == Epilogue::Result::kS8),
        low(_mm256_set1_ps(real ? e.low : std::max(e.low, e.code_min - e.zero_point))),
        high(_mm256_set1_ps(real ? e.high : std::min(e.high, e.code_max - e.zero_point))),
        zero_point(_mm256_set1_epi16(static_cast<int16_t>(e.zero_point))), residual_zero_point(_mm256_set1_epi32(e.residual_zero_point)),
        residual_multiplier(_mm256_set1_ps(e.residual_multiplier)) {}
  const Epilogue& e;
  bool real, s8;
  __m256 low, high;
  __m256i zero_point, residual_zero_point;
  __m256 residual_multiplier;

  __m256 scaled(__m256i acc, int64_t channel) const {
    __m256 t = _mm256_cvtepi32_ps(acc);
    if (e.bias != nullptr) t = _mm256_add_ps(t, _mm256_loadu_ps(e.bias + channel));
    t = _mm256_mul_ps(t, _mm256_loadu_ps(e.multiplier + channel));
    return e.shift != nullptr ? _mm256_add_ps(t, _mm256_loadu_ps(e.shift + channel)) : t;
  }
  __m256 add_residual(__m256 t, const std::byte* codes) const {
    return _mm256_fmadd_ps(residual_multiplier, _mm256_cvtepi32_ps(load_centred8(codes, e.residual_type, residual_zero_point)), t);
  }
  __m256 clamped(__m256 t) const { return _mm256_min_ps(high, _mm256_max_ps(low, t)); }

  // Codes of 32 values; within each 128-bit lane: four of a, four of b, four of c, four of d.
  __m256i codes(__m256 a, __m256 b, __m256 c, __m256 d) const {
    const __m256i ab = _mm256_packs_epi32(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b));
    const __m256i cd = _mm256_packs_epi32(_mm256_cvtps_epi32(c), _mm256_cvtps_epi32(d));
    const __m256i lower = _mm256_add_epi16(ab, zero_point), upper = _mm256_add_epi16(cd, zero_point);
    return s8 ? _mm256_packs_epi16(lower, upper) : _mm256_packus_epi16(lower, upper);
  }

  // 16 results at flat element `at` of y, `valid` of them wanted.
  void store(__m256i acc0, __m256i acc1, int64_t channel, std::byte* y, int64_t at, int64_t valid) const {
    __m256 t0 = scaled(acc0, channel), t1 = scaled(acc1, channel + 8);
    if (e.residual != nullptr) {
      alignas(16) std::byte tail[16] = {};
      const std::byte* codes = e.residual + at;
      if (valid < kChannelBlock) {
        std::memcpy(tail, codes, static_cast<size_t>(valid));
        codes = tail;
      }
      t0 = add_residual(t0, codes);
      t1 = add_residual(t1, codes + 8);
    }
    real ? store_reals(clamped(t0), clamped(t1), y + at * 4, valid) : store_codes(clamped(t0), clamped(t1), y + at, valid);
  }
  void store_reals(__m256 t0, __m256 t1, std::byte* y, int64_t valid) const {
    alignas(32) float tail[16];
    float* target = valid < kChannelBlock ? tail : reinterpret_cast<float*>(y);
    _mm256_storeu_ps(target, t0);
    _mm256_storeu_ps(target + 8, t1);
    if (valid < kChannelBlock) std::memcpy(y, tail, static_cast<size_t>(valid) * sizeof(float));
  }
  void store_codes(__m256 t0, __m256 t1, std::byte* y, int64_t valid) const {
    // packs works inside 128-bit halves: the permutation puts the 16 channels in order.
    const __m256i mixed = _mm256_packs_epi32(_mm256_cvtps_epi32(t0), _mm256_cvtps_epi32(t1));
    const __m256i wide = _mm256_add_epi16(_mm256_permute4x64_epi64(mixed, 0xD8), zero_point);
    const __m128i lower = _mm256_castsi256_si128(wide), upper = _mm256_extracti128_si256(wide, 1);
    const __m128i codes = s8 ? _mm_packs_epi16(lower, upper) : _mm_packus_epi16(lower, upper);
    if (valid == kChannelBlock) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y), codes);
      return;
    }
    alignas(16) std::byte tail[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(tail), codes);
    std::memcpy(y, tail, static_cast<size_t>(valid));
  }
};

}  // namespace
}  // namespace precis::kernels::simd
