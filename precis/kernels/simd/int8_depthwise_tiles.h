// The depthwise kernel (int8_depthwise.h), written once for every instruction set. Included only by files
// compiled for one of them; everything is internal to each (anonymous namespace). `V` names the vectors:
//   kBytes; Vector (kBytes codes, or kBytes / 4 sums), Reals; load, low8, high8, low16, high16 (interleaving
//   within 128-bit lanes), spread<i> (the i-th four codes of each lane as 32 bits), add_products, store,
//   store_reals Finish: scaled, plain_value, add_residual, clamped, codes
#pragma once

#include <algorithm>
#include <cstring>

#include "precis/kernels/simd/int8_steps.h"
#include "precis/kernels/simd/int8_tables.h"
#include "precis/kernels/simd/int8_unroll.h"

namespace precis::kernels::simd {
namespace {

// Adds a quad of up to four taps to the sums. `x`: the vector's first code in the band; `w`: its weights.
template <typename V>
inline void add_quad(const TapQuad& quad, const std::byte* x, const std::byte* w,
                     typename V::Vector (&sums)[4]) {
  const auto a = V::load(x + quad.offset[0]), b = V::load(x + quad.offset[1]);
  const auto c = V::load(x + quad.offset[2]), d = V::load(x + quad.offset[3]);
  const auto ab_low = V::low8(a, b), ab_high = V::high8(a, b), cd_low = V::low8(c, d),
             cd_high = V::high8(c, d);
  sums[0] = V::add_products(sums[0], V::low16(ab_low, cd_low), V::load(w));
  sums[1] = V::add_products(sums[1], V::high16(ab_low, cd_low), V::load(w + V::kBytes));
  sums[2] = V::add_products(sums[2], V::low16(ab_high, cd_high), V::load(w + 2 * V::kBytes));
  sums[3] = V::add_products(sums[3], V::high16(ab_high, cd_high), V::load(w + 3 * V::kBytes));
}

// The same for a quad of one tap.
template <typename V>
inline void add_single(const TapQuad& quad, const std::byte* x, const std::byte* w,
                       typename V::Vector (&sums)[4]) {
  const auto codes = V::load(x + quad.offset[0]);
  unroll<4>([&](auto i) {
    sums[i] = V::add_products(sums[i], V::template spread<i>(codes), V::load(w + V::kBytes * i));
  });
}

// Sums over all taps. kQuads: whole quads before a last one of a single tap, as 3x3 (2) and 5x5 (6) have it:
// the loop over them is unrolled. kAnyQuads: whatever the plan says.
constexpr int kAnyQuads = -1;
template <typename V, int kQuads>
[[gnu::always_inline]] inline void add_taps(const DepthwisePlan& p, const std::byte* x, const std::byte* w,
                                            typename V::Vector (&sums)[4]) {
  if constexpr (kQuads == kAnyQuads) {
    for (const TapQuad& quad : p.quads) {
      quad.taps > 1 ? add_quad<V>(quad, x, w, sums) : add_single<V>(quad, x, w, sums);
      w += 4 * V::kBytes;
    }
  } else {
    const TapQuad* quads = p.quads.data();
    unroll<kQuads>([&](auto q) { add_quad<V>(quads[q], x, w + 4 * V::kBytes * q, sums); });
    add_single<V>(quads[kQuads], x, w + 4 * V::kBytes * kQuads, sums);
  }
}

// One line of results: `n` codes flat, at flat element `at` of y.
struct Line {
  const std::byte* x;  // the first pixel in the band
  int64_t n, at;
};

template <typename V, Steps kSteps>
class LineStore {
 public:
  static constexpr int64_t kElement = kSteps == Steps::kReal ? 4 : 1;  // bytes
  LineStore(const DepthwisePlan& p, const DepthwiseData& d, const typename V::Finish& finish)
      : channels_(p.shape.out_channels), d_(d), finish_(finish) {}

  // The vector at element i of the line. `slot`: of its constants.
  [[gnu::always_inline]] void operator()(const typename V::Vector (&sums)[4], int64_t slot, const Line& line,
                                         int64_t i) const {
    const int64_t valid = std::min(V::kBytes, line.n - i);
    typename V::Reals t[4];
    unroll<4>([&](auto part) {
      t[part] = value(sums[part], slot + V::kBytes / 4 * part, line.at + i, valid, part);
    });
    if (valid == V::kBytes && d_.y_stride == channels_)
      store(t, d_.y + (line.at + i) * kElement);
    else
      scatter(t, line, i, valid);
  }

 private:
  typename V::Reals value(typename V::Vector sums, int64_t slot, int64_t at, int64_t valid, int part) const {
    if constexpr (kSteps == Steps::kPlain) return finish_.plain_value(sums, slot);
    auto t = finish_.scaled(sums, slot);
    if (kSteps == Steps::kAll && finish_.e.residual != nullptr) t = add_residual(t, at, valid, part);
    return finish_.clamped(t);
  }
  // Residual codes in the order of the sums.
  typename V::Reals add_residual(typename V::Reals t, int64_t at, int64_t valid, int part) const {
    alignas(16) std::byte codes[V::kBytes / 4] = {};
    for (int64_t lane = 0; lane < V::kBytes / 16; ++lane) {
      const int64_t first = 16 * lane + 4 * part;
      if (first < valid)
        std::memcpy(codes + 4 * lane, finish_.e.residual + at + first,
                    static_cast<size_t>(std::min<int64_t>(4, valid - first)));
    }
    return finish_.add_residual(t, codes);
  }
  void store(const typename V::Reals (&t)[4], std::byte* y) const {
    if constexpr (kSteps == Steps::kReal)
      V::store_reals(t, y);
    else
      V::store(finish_.codes(t[0], t[1], t[2], t[3]), y);
  }
  // The end of a line, and pixels that do not follow each other in y (inside a Concat): pixel by pixel.
  void scatter(const typename V::Reals (&t)[4], const Line& line, int64_t i, int64_t valid) const {
    alignas(V::kBytes) std::byte buffer[V::kBytes * kElement];
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
  const typename V::Finish& finish_;
};

// Vectors of one pattern one after the other: they share their constants.
template <typename V, Steps kSteps, int kQuads>
void run_line(const DepthwisePlan& p, const DepthwiseData& d, const typename V::Finish& finish,
              const Line& line) {
  const LineStore<V, kSteps> store(p, d, finish);
  const int64_t step = p.patterns * V::kBytes, weights = static_cast<int64_t>(p.quads.size()) * 4;
  for (int64_t slot = 0; slot < std::min(step, line.n); slot += V::kBytes)
    for (int64_t i = slot; i < line.n; i += step) {
      typename V::Vector sums[4];
      unroll<4>([&](auto part) { sums[part] = V::load(d.offsets + slot + V::kBytes / 4 * part); });
      add_taps<V, kQuads>(p, line.x + i, d.weights + slot * weights, sums);
      store(sums, slot, line, i);
    }
}

template <typename V, Steps kSteps>
void run_lines(const DepthwisePlan& p, const DepthwiseData& d, const typename V::Finish& finish,
               int64_t first, int64_t last, std::byte* scratch) {
  const bool single_last = p.quads.back().taps == 1;
  const auto run = single_last && p.quads.size() == 3   ? &run_line<V, kSteps, 2>
                   : single_last && p.quads.size() == 7 ? &run_line<V, kSteps, 6>
                                                        : &run_line<V, kSteps, kAnyQuads>;
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
}  // namespace precis::kernels::simd
