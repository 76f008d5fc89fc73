// Depthwise convolution on AVX-512 VNNI (int8_depthwise.h): 64 output codes at a time.
#include <cstring>

#include "precis/kernels/simd/int8_avx512.h"
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

inline __m512i load(const void* p) { return _mm512_loadu_si512(p); }

// Adds a quad of up to four taps of 64 codes to the sums. `x`: the vector's first pixel in the band.
inline void add_quad(const TapQuad& quad, const std::byte* x, const std::byte* w, __m512i (&sums)[4]) {
  const __m512i a = load(x + quad.offset[0]), b = load(x + quad.offset[1]);
  const __m512i c = load(x + quad.offset[2]), d = load(x + quad.offset[3]);
  const __m512i ab_low = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
  const __m512i cd_low = _mm512_unpacklo_epi8(c, d), cd_high = _mm512_unpackhi_epi8(c, d);
  sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_unpacklo_epi16(ab_low, cd_low), load(w));
  sums[1] = _mm512_dpbusd_epi32(sums[1], _mm512_unpackhi_epi16(ab_low, cd_low), load(w + 64));
  sums[2] = _mm512_dpbusd_epi32(sums[2], _mm512_unpacklo_epi16(ab_high, cd_high), load(w + 128));
  sums[3] = _mm512_dpbusd_epi32(sums[3], _mm512_unpackhi_epi16(ab_high, cd_high), load(w + 192));
}

// The same for a quad of one tap: its codes become the lowest bytes of the 32-bit lanes.
inline void add_single(const TapQuad& quad, const std::byte* x, const std::byte* w, __m512i (&sums)[4]) {
  const __m512i codes = load(x + quad.offset[0]);
  const auto spread = [&](int first) {
    const __m128i pick = _mm_setr_epi8(static_cast<char>(first), -1, -1, -1, static_cast<char>(first + 1), -1, -1, -1,
                                       static_cast<char>(first + 2), -1, -1, -1, static_cast<char>(first + 3), -1, -1, -1);
    return _mm512_shuffle_epi8(codes, _mm512_broadcast_i32x4(pick));
  };
  unroll<4>([&](auto i) { sums[i] = _mm512_dpbusd_epi32(sums[i], spread(4 * i), load(w + 64 * i)); });
}

// Codes of a residual in the order of the sums.
inline __m128i residual_part(const std::byte* codes, int64_t valid, int i) {
  alignas(64) std::byte all[kDepthwiseVector];
  _mm512_store_si512(all, _mm512_maskz_loadu_epi8(~uint64_t{0} >> (64 - valid), codes));
  alignas(16) std::byte part[16];
  for (int lane = 0; lane < 4; ++lane) std::memcpy(part + 4 * lane, all + 16 * lane + 4 * i, 4);
  return _mm_load_si128(reinterpret_cast<const __m128i*>(part));
}

// Floats in the order of the sums -> in the order of the codes.
inline void store_reals(const __m512 (&t)[4], std::byte* y) {
  const __m512 a = _mm512_shuffle_f32x4(t[0], t[1], 0x44), b = _mm512_shuffle_f32x4(t[2], t[3], 0x44);
  const __m512 c = _mm512_shuffle_f32x4(t[0], t[1], 0xEE), d = _mm512_shuffle_f32x4(t[2], t[3], 0xEE);
  _mm512_storeu_ps(y, _mm512_shuffle_f32x4(a, b, 0x88));
  _mm512_storeu_ps(y + 64, _mm512_shuffle_f32x4(a, b, 0xDD));
  _mm512_storeu_ps(y + 128, _mm512_shuffle_f32x4(c, d, 0x88));
  _mm512_storeu_ps(y + 192, _mm512_shuffle_f32x4(c, d, 0xDD));
}

// One line of results, `n` elements flat.
class Line {
 public:
  Line(const DepthwisePlan& p, const DepthwiseData& d, const Finish512& finish, Steps steps)
      : p_(p), d_(d), finish_(finish), steps_(steps), element_(steps == Steps::kReal ? 4 : 1) {}

  // `x`: the first pixel in the band; `pixel`: its place in y.
  void run(const std::byte* x, int64_t pixel, int64_t n) const {
    const int64_t channels = p_.shape.out_channels;
    int64_t pattern = 0;
    for (int64_t i = 0; i < n; i += kDepthwiseVector) {
      const int64_t valid = std::min(kDepthwiseVector, n - i);
      if (d_.y_stride == channels)
        vector(x + i, pattern, pixel * channels + i, valid, d_.y + (pixel * channels + i) * element_);
      else
        scattered(x + i, pattern, pixel, i, valid);
      if (++pattern == p_.patterns) pattern = 0;
    }
  }

 private:
  void sum(const std::byte* x, int64_t pattern, __m512i (&sums)[4]) const {
    const int64_t slot = pattern * kDepthwiseVector;
    unroll<4>([&](auto i) { sums[i] = load(d_.offsets + slot + 16 * i); });
    const std::byte* w = d_.weights + pattern * static_cast<int64_t>(p_.quads.size()) * 4 * kDepthwiseVector;
    for (const TapQuad& quad : p_.quads) {
      quad.taps > 1 ? add_quad(quad, x, w, sums) : add_single(quad, x, w, sums);
      w += 4 * kDepthwiseVector;
    }
  }

  // `at`: flat element of the result, for the residual.
  void vector(const std::byte* x, int64_t pattern, int64_t at, int64_t valid, std::byte* y) const {
    __m512i sums[4];
    sum(x, pattern, sums);
    const int64_t slot = pattern * kDepthwiseVector;
    __m512 t[4];
    unroll<4>([&](auto i) {
      if (steps_ == Steps::kPlain) {
        t[i] = finish_.plain_value(sums[i], slot + 16 * i);
        return;
      }
      t[i] = finish_.scaled(sums[i], slot + 16 * i);
      if (finish_.e.residual != nullptr)
        t[i] = finish_.add_residual(t[i], residual_part(finish_.e.residual + at, valid, i));
      t[i] = finish_.clamped(t[i]);
    });
    store(t, valid, y);
  }
  void store(const __m512 (&t)[4], int64_t valid, std::byte* y) const {
    if (steps_ == Steps::kReal) {
      alignas(64) std::byte spare[kDepthwiseVector * sizeof(float)];
      store_reals(t, valid == kDepthwiseVector ? y : spare);
      if (valid < kDepthwiseVector) std::memcpy(y, spare, static_cast<size_t>(valid) * sizeof(float));
      return;
    }
    const __m512i codes = finish_.codes(t[0], t[1], t[2], t[3]);
    if (valid == kDepthwiseVector)
      _mm512_storeu_si512(y, codes);
    else
      _mm512_mask_storeu_epi8(y, ~uint64_t{0} >> (64 - valid), codes);
  }
  // Where pixels do not follow each other in y (inside a Concat): piece by piece. There is no residual then.
  void scattered(const std::byte* x, int64_t pattern, int64_t pixel, int64_t i, int64_t valid) const {
    alignas(64) std::byte buffer[kDepthwiseVector * 4];
    vector(x, pattern, 0, kDepthwiseVector, buffer);
    const int64_t channels = p_.shape.out_channels;
    for (int64_t done = 0; done < valid;) {
      const int64_t channel = (i + done) % channels, n = std::min(channels - channel, valid - done);
      std::memcpy(d_.y + ((pixel + (i + done) / channels) * d_.y_stride + channel) * element_, buffer + done * element_,
                  static_cast<size_t>(n * element_));
      done += n;
    }
  }

  const DepthwisePlan& p_;
  const DepthwiseData& d_;
  const Finish512& finish_;
  Steps steps_;
  int64_t element_;
};

}  // namespace

void depthwise_quads_avx512_vnni(const DepthwisePlan& p, const DepthwiseData& d, const Epilogue& e, int64_t first,
                                 int64_t last, std::byte* scratch) {
  const Finish512 finish(e);
  const Line line(p, d, finish, finish.steps());
  while (first < last) {
    const PixelBlock block = next_block(p.shape, p.band, first, last);
    fill_band(p.shape, p.band, {d.x, d.x_type, d.x_zero_point}, block, scratch);
    for (int64_t l = 0; l < block.lines; ++l)
      line.run(scratch + l * p.shape.stride[1] * p.band.line_stride, first + l * block.columns,
               block.columns * p.shape.out_channels);
    first += block.pixels();
  }
}

}  // namespace precis::kernels::simd
