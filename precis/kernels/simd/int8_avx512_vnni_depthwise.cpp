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
    const __m128i pick =
        _mm_setr_epi8(static_cast<char>(first), -1, -1, -1, static_cast<char>(first + 1), -1, -1, -1,
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

// Sums of 64 codes over all taps. kQuads: whole quads before a last one of a single tap, as 3x3 (2) and 5x5
// (6) have it; the loop over them is unrolled and their weights can stay in registers. kAnyQuads: whatever
// the plan says.
constexpr int kAnyQuads = -1;
template <int kQuads>
[[gnu::always_inline]] inline void add_taps(const DepthwisePlan& p, const std::byte* x, const std::byte* w,
                                            __m512i (&sums)[4]) {
  if constexpr (kQuads == kAnyQuads) {
    for (const TapQuad& quad : p.quads) {
      quad.taps > 1 ? add_quad(quad, x, w, sums) : add_single(quad, x, w, sums);
      w += 4 * kDepthwiseVector;
    }
  } else {
    const TapQuad* quads = p.quads.data();
    unroll<kQuads>([&](auto q) { add_quad(quads[q], x, w + 4 * kDepthwiseVector * q, sums); });
    add_single(quads[kQuads], x, w + 4 * kDepthwiseVector * kQuads, sums);
  }
}

// One line of results: `n` codes flat, at flat element `at` of y.
struct Line {
  const std::byte* x;  // the first pixel in the band
  int64_t n, at;
};

template <Steps kSteps>
class LineStore {
 public:
  static constexpr int64_t kElement = kSteps == Steps::kReal ? 4 : 1;  // bytes
  LineStore(const DepthwisePlan& p, const DepthwiseData& d, const Finish512& finish)
      : channels_(p.shape.out_channels), d_(d), finish_(finish) {}

  // The vector at element i of the line. `slot`: of its constants.
  [[gnu::always_inline]] void operator()(const __m512i (&sums)[4], int64_t slot, const Line& line,
                                         int64_t i) const {
    const int64_t valid = std::min(kDepthwiseVector, line.n - i);
    __m512 t[4];
    unroll<4>([&](auto part) { t[part] = value(sums[part], slot + 16 * part, line.at + i, valid, part); });
    if (valid == kDepthwiseVector && d_.y_stride == channels_)
      store(t, d_.y + (line.at + i) * kElement);
    else
      scatter(t, line, i, valid);
  }

 private:
  __m512 value(__m512i sums, int64_t slot, int64_t at, int64_t valid, int part) const {
    if constexpr (kSteps == Steps::kPlain) return finish_.plain_value(sums, slot);
    __m512 t = finish_.scaled(sums, slot);
    if (kSteps == Steps::kAll && finish_.e.residual != nullptr)
      t = finish_.add_residual(t, residual_part(finish_.e.residual + at, valid, part));
    return finish_.clamped(t);
  }
  void store(const __m512 (&t)[4], std::byte* y) const {
    if constexpr (kSteps == Steps::kReal)
      store_reals(t, y);
    else
      _mm512_storeu_si512(y, finish_.codes(t[0], t[1], t[2], t[3]));
  }
  // The end of a line, and pixels that do not follow each other in y (inside a Concat): pixel by pixel.
  void scatter(const __m512 (&t)[4], const Line& line, int64_t i, int64_t valid) const {
    alignas(64) std::byte buffer[kDepthwiseVector * kElement];
    store(t, buffer);
    const int64_t first = line.at / channels_;
    for (int64_t done = 0; done < valid;) {
      const int64_t channel = (i + done) % channels_, n = std::min(channels_ - channel, valid - done);
      std::memcpy(d_.y + ((first + (i + done) / channels_) * d_.y_stride + channel) * kElement,
                  buffer + done * kElement, static_cast<size_t>(n * kElement));
      done += n;
    }
  }

  int64_t channels_;
  const DepthwiseData& d_;
  const Finish512& finish_;
};

// Vectors of one pattern one after the other: they share their constants.
template <Steps kSteps, int kQuads>
void run_line(const DepthwisePlan& p, const DepthwiseData& d, const Finish512& finish, const Line& line) {
  const LineStore<kSteps> store(p, d, finish);
  const int64_t step = p.patterns * kDepthwiseVector, weights = static_cast<int64_t>(p.quads.size()) * 4;
  for (int64_t slot = 0; slot < std::min(step, line.n); slot += kDepthwiseVector)
    for (int64_t i = slot; i < line.n; i += step) {
      __m512i sums[4];
      unroll<4>([&](auto part) { sums[part] = load(d.offsets + slot + 16 * part); });
      add_taps<kQuads>(p, line.x + i, d.weights + slot * weights, sums);
      store(sums, slot, line, i);
    }
}

template <Steps kSteps>
void run_lines(const DepthwisePlan& p, const DepthwiseData& d, const Finish512& finish, int64_t first,
               int64_t last, std::byte* scratch) {
  const bool single_last = p.quads.back().taps == 1;
  const auto run = single_last && p.quads.size() == 3   ? &run_line<kSteps, 2>
                   : single_last && p.quads.size() == 7 ? &run_line<kSteps, 6>
                                                        : &run_line<kSteps, kAnyQuads>;
  while (first < last) {
    const PixelBlock block = next_block(p.shape, p.band, first, last);
    fill_band(p.shape, p.band, {d.x, d.x_type, d.x_zero_point}, block, scratch);
    for (int64_t l = 0; l < block.lines; ++l)
      run(p, d, finish,
          {scratch + l * p.shape.stride[1] * p.band.line_stride, block.columns * p.shape.out_channels,
           (first + l * block.columns) * p.shape.out_channels});
    first += block.pixels();
  }
}

}  // namespace

void depthwise_quads_avx512_vnni(const DepthwisePlan& p, const DepthwiseData& d, const Epilogue& e,
                                 int64_t first, int64_t last, std::byte* scratch) {
  const Finish512 finish(e);
  switch (finish.steps()) {
    case Steps::kPlain:
      return run_lines<Steps::kPlain>(p, d, finish, first, last, scratch);
    case Steps::kAll:
      return run_lines<Steps::kAll>(p, d, finish, first, last, scratch);
    case Steps::kReal:
      return run_lines<Steps::kReal>(p, d, finish, first, last, scratch);
  }
}

}  // namespace precis::kernels::simd
