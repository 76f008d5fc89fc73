// Depthwise convolution on AVX2, channels last: 16 channels at a time, taps in pairs through VPMADDWD (exact). Taps that fall
// into the padding are left out: the centred zero point is 0.
#include <algorithm>

#include "precis/kernels/simd/int8_avx2.h"
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

// Addresses of the taps of one output pixel, null where they are padding.
int64_t find_taps(const ConvShape& s, const ConvData& d, int64_t row, const std::byte** taps) {
  int64_t at[3], rest = row;
  for (int i = 2; i >= 0; --i) {
    at[i] = rest % s.out[i] * s.stride[i] - s.pad[i];
    rest /= s.out[i];
  }
  int64_t count = 0;
  for (int64_t a = 0; a < s.kernel[0]; ++a)
    for (int64_t b = 0; b < s.kernel[1]; ++b)
      for (int64_t c = 0; c < s.kernel[2]; ++c) {
        const int64_t z[3] = {at[0] + a * s.dilation[0], at[1] + b * s.dilation[1], at[2] + c * s.dilation[2]};
        const bool inside = z[0] >= 0 && z[0] < s.in[0] && z[1] >= 0 && z[1] < s.in[1] && z[2] >= 0 && z[2] < s.in[2];
        taps[count++] = inside ? d.x + (((rest * s.in[0] + z[0]) * s.in[1] + z[1]) * s.in[2] + z[2]) * s.in_channels : nullptr;
      }
  return count;
}

// 16 codes of a tap from channel c on, `valid` of them real.
inline __m256i load_tap(const std::byte* tap, int64_t c, int64_t valid, CodeType type, __m256i zero_point) {
  if (tap == nullptr) return _mm256_setzero_si256();
  if (valid == kChannelBlock) return load_centred16(tap + c, type, zero_point);
  std::byte buffer[16] = {};
  std::memcpy(buffer, tap + c, static_cast<size_t>(valid));
  return load_centred16(buffer, type, zero_point);
}

}  // namespace

void depthwise_avx2(const ConvShape& s, const ConvData& d, const Epilogue& e, int64_t first, int64_t last) {
  const Finish finish(e);
  const __m256i zero_point = _mm256_set1_epi16(static_cast<int16_t>(d.x_zero_point));
  const int64_t channels = s.out_channels, width = (channels + kChannelBlock - 1) / kChannelBlock * kChannelBlock;
  const std::byte* taps[kMaxDepthwiseTaps + 1];
  for (int64_t row = first; row < last; ++row) {
    const int64_t count = find_taps(s, d, row, taps);
    taps[count] = nullptr;  // an odd number of taps ends in an empty one
    for (int64_t c = 0; c < channels; c += kChannelBlock) {
      const int64_t valid = std::min(kChannelBlock, channels - c);
      // unpacklo/hi work inside 128-bit halves: `low` holds channels 0..3 and 8..11, `high` 4..7 and 12..15.
      __m256i low = _mm256_setzero_si256(), high = _mm256_setzero_si256();
      for (int64_t t = 0; t < count; t += 2) {
        if (taps[t] == nullptr && taps[t + 1] == nullptr) continue;
        const __m256i x0 = load_tap(taps[t], c, valid, d.x_type, zero_point), x1 = load_tap(taps[t + 1], c, valid, d.x_type, zero_point);
        const int16_t* w = d.weights + (t / 2 * width + c) * 2;
        const __m256i w0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));        // channels 0..7
        const __m256i w1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + 16));   // channels 8..15
        low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(x0, x1), _mm256_permute2x128_si256(w0, w1, 0x20)));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(x0, x1), _mm256_permute2x128_si256(w0, w1, 0x31)));
      }
      const int64_t at = row * d.y_stride + c;
      finish.store(_mm256_permute2x128_si256(low, high, 0x20), _mm256_permute2x128_si256(low, high, 0x31), c, d.y, at, valid);
    }
  }
}

}  // namespace precis::kernels::simd
