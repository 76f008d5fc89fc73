// Max and average pooling of codes on AVX2, channels last, 16 or 32 channels at a time.
#include <algorithm>

#include "precis/kernels/simd/int8_avx2.h"
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

// The part of one output pixel's window that lies inside the input, per dimension, and where the window begins.
struct Window {
  int64_t n;
  int64_t begin[3];           // may lie in the padding
  int64_t first[3], last[3];  // tap indices inside the input
};

Window window_of(const PoolShape& s, int64_t row) {
  Window w;
  for (int i = 2; i >= 0; --i) {
    w.begin[i] = row % s.out[i] * s.stride[i] - s.pad[i];
    row /= s.out[i];
    const int64_t d = s.dilation[i];
    w.first[i] = w.begin[i] < 0 ? (-w.begin[i] + d - 1) / d : 0;
    w.last[i] = std::min(s.kernel[i], w.begin[i] < s.in[i] ? (s.in[i] - w.begin[i] + d - 1) / d : 0);
  }
  w.n = row;
  return w;
}

template <typename Body>
inline void for_each_tap(const PoolShape& s, const Window& w, const std::byte* x, Body&& body) {
  for (int64_t a = w.first[0]; a < w.last[0]; ++a)
    for (int64_t b = w.first[1]; b < w.last[1]; ++b)
      for (int64_t c = w.first[2]; c < w.last[2]; ++c)
        body(x + (((w.n * s.in[0] + w.begin[0] + a * s.dilation[0]) * s.in[1] + w.begin[1] + b * s.dilation[1]) * s.in[2] + w.begin[2] +
                  c * s.dilation[2]) * s.channels);
}

inline std::byte larger(std::byte a, std::byte b, CodeType type) {
  if (type == CodeType::kU8) return std::max(a, b);
  return static_cast<int8_t>(a) > static_cast<int8_t>(b) ? a : b;
}

int64_t count_with_padding(const PoolShape& s, const AveragePool& p, const Window& w) {
  int64_t count = 1;
  for (int i = 0; i < 3; ++i) {
    const int64_t room = p.padded_end[i] - w.begin[i];
    count *= std::min(s.kernel[i], (room + s.dilation[i] - 1) / s.dilation[i]);
  }
  return count;
}

}  // namespace

void max_pool_avx2(const PoolShape& s, CodeType type, const std::byte* x, std::byte* y, int64_t first, int64_t last) {
  for (int64_t row = first; row < last; ++row) {
    const Window w = window_of(s, row);
    std::byte* out = y + row * s.channels;
    int64_t c = 0;
    for (; c + 32 <= s.channels; c += 32) {
      __m256i m = type == CodeType::kU8 ? _mm256_setzero_si256() : _mm256_set1_epi8(-128);
      for_each_tap(s, w, x, [&](const std::byte* tap) {
        const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(tap + c));
        m = type == CodeType::kU8 ? _mm256_max_epu8(m, v) : _mm256_max_epi8(m, v);
      });
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + c), m);
    }
    for (; c < s.channels; ++c) {
      std::byte m = type == CodeType::kU8 ? std::byte{0} : std::byte{0x80};
      for_each_tap(s, w, x, [&](const std::byte* tap) { m = larger(m, tap[c], type); });
      out[c] = m;
    }
  }
}

void average_pool_avx2(const PoolShape& s, const AveragePool& p, CodeType x_type, CodeType, const std::byte* x, std::byte* y, int64_t first,
                       int64_t last) {
  const __m256i zx = _mm256_set1_epi32(p.x_zero_point);
  const __m256 zero_point = _mm256_set1_ps(p.zero_point), code_min = _mm256_set1_ps(p.code_min), code_max = _mm256_set1_ps(p.code_max);
  for (int64_t row = first; row < last; ++row) {
    const Window w = window_of(s, row);
    int64_t inside = 1;
    for (int i = 0; i < 3; ++i) inside *= std::max<int64_t>(0, w.last[i] - w.first[i]);
    const __m256 m = _mm256_set1_ps(p.multiplier[p.include_pad ? count_with_padding(s, p, w) : inside]);
    for (int64_t c = 0; c < s.channels; c += 8) {
      const int64_t valid = std::min<int64_t>(8, s.channels - c);
      __m256i sum = _mm256_setzero_si256();
      std::byte buffer[8] = {};
      for_each_tap(s, w, x, [&](const std::byte* tap) {
        const std::byte* codes = tap + c;
        if (valid < 8) {
          std::memcpy(buffer, codes, static_cast<size_t>(valid));
          codes = buffer;
        }
        sum = _mm256_add_epi32(sum, load_centred8(codes, x_type, zx));
      });
      const __m256i codes = round_to_codes(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), m), zero_point, code_min, code_max);
      if (valid == 8) {
        store8(y + row * s.channels + c, codes);
      } else {
        store8(buffer, codes);
        std::memcpy(y + row * s.channels + c, buffer, static_cast<size_t>(valid));
      }
    }
  }
}

}  // namespace precis::kernels::simd
