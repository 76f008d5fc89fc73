// The depthwise kernel (int8_depthwise.h), written once for every instruction set. Included only by files
// compiled for one of them; everything is internal to each (anonymous namespace). `V` names the vectors:
//   kBytes; Vector (kBytes codes, or kBytes / 4 sums), Reals; load, load_input, low8, high8, low16, high16
//   (interleaving within 128-bit lanes), spread<i> (the i-th four codes of each lane as 32 bits),
//   add_products, store, store_reals Finish: scaled, plain_value, add_residual, clamped, codes
#pragma once

#include <algorithm>
#include <cstring>

#include "precis/kernels/simd/int8_steps.h"
#include "precis/kernels/simd/int8_tables.h"
#include "precis/kernels/simd/int8_unroll.h"

namespace precis::kernels::simd {
namespace {

// Adds a quad of up to four taps to the sums. `x`: the vector's first code in the band; w(i): its weights.
template <typename V, typename Weights>
[[gnu::always_inline]] inline void add_quad(const TapQuad& quad, const std::byte* x, const Weights& w,
                                            typename V::Vector (&sums)[4]) {
  const auto a = V::load_input(x + quad.offset[0]), b = V::load_input(x + quad.offset[1]);
  const auto c = V::load_input(x + quad.offset[2]), d = V::load_input(x + quad.offset[3]);
  const auto ab_low = V::low8(a, b), ab_high = V::high8(a, b), cd_low = V::low8(c, d),
             cd_high = V::high8(c, d);
  sums[0] = V::add_products(sums[0], V::low16(ab_low, cd_low), w(0));
  sums[1] = V::add_products(sums[1], V::high16(ab_low, cd_low), w(1));
  sums[2] = V::add_products(sums[2], V::low16(ab_high, cd_high), w(2));
  sums[3] = V::add_products(sums[3], V::high16(ab_high, cd_high), w(3));
}

// The same for a quad of one tap.
template <typename V, typename Weights>
[[gnu::always_inline]] inline void add_single(const TapQuad& quad, const std::byte* x, const Weights& w,
                                              typename V::Vector (&sums)[4]) {
  const auto codes = V::load_input(x + quad.offset[0]);
  unroll<4>([&](auto i) { sums[i] = V::add_products(sums[i], V::template spread<i>(codes), w(i)); });
}

// Sums over all taps. kQuads: whole quads before a last one of a single tap, as 3x3 (2) and 5x5 (6) have it:
// the loop over them is unrolled. kAnyQuads: whatever the plan says.
constexpr int kAnyQuads = -1;
template <typename V, int kQuads>
struct Taps {
  Taps(const DepthwisePlan& plan, const std::byte* weights) : p(plan), w(weights) {}
  [[gnu::always_inline]] void add(const std::byte* x, typename V::Vector (&sums)[4]) const {
    const auto weights = [&](int64_t quad) {
      return [=, this](int64_t i) { return V::load(w + (4 * quad + i) * V::kBytes); };
    };
    if constexpr (kQuads == kAnyQuads) {
      int64_t q = 0;
      for (const TapQuad& quad : p.quads) {
        quad.taps > 1 ? add_quad<V>(quad, x, weights(q), sums) : add_single<V>(quad, x, weights(q), sums);
        ++q;
      }
    } else {
      const TapQuad* quads = p.quads.data();
      unroll<kQuads>([&](auto q) { add_quad<V>(quads[q], x, weights(q), sums); });
      add_single<V>(quads[kQuads], x, weights(kQuads), sums);
    }
  }
  const DepthwisePlan& p;
  const std::byte* w;
};
// 3x3: offsets and weights stay in registers from vector to vector.
template <typename V>
struct Taps<V, 2> {
  Taps(const DepthwisePlan& p, const std::byte* weights) {
    unroll<3>([&](auto q) {
      quads[q] = p.quads[q];
      unroll<4>([&](auto i) { w[q][i] = V::load(weights + (4 * q + i) * V::kBytes); });
    });
  }
  [[gnu::always_inline]] void add(const std::byte* x, typename V::Vector (&sums)[4]) const {
    unroll<2>([&](auto q) {
      add_quad<V>(
          quads[q], x, [&](int64_t i) { return w[q][i]; }, sums);
    });
    add_single<V>(
        quads[2], x, [&](int64_t i) { return w[2][i]; }, sums);
  }
  TapQuad quads[3];
  typename V::Vector w[3][4];
};

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

  // How many elements of a line belong to vectors that whole() may store.
  int64_t whole_vectors(const Line& line) const {
    return d_.y_stride == channels_ ? line.n - V::kBytes + 1 : 0;
  }
  // The vector at element i of the line. `slot`: of its constants.
  [[gnu::always_inline]] void whole(const typename V::Vector (&sums)[4], int64_t slot, const Line& line,
                                    int64_t i) const {
    typename V::Reals t[4];
    finish(sums, slot, line.at + i, V::kBytes, t);
    store(t, d_.y + (line.at + i) * kElement);
  }
  // The end of a line, and pixels that do not follow each other in y (inside a Concat): pixel by pixel.
  [[gnu::noinline]] void part(const typename V::Vector (&sums)[4], int64_t slot, const Line& line,
                              int64_t i) const {
    const int64_t valid = std::min(V::kBytes, line.n - i);
    typename V::Reals t[4];
    finish(sums, slot, line.at + i, valid, t);
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

 private:
  [[gnu::always_inline]] void finish(const typename V::Vector (&sums)[4], int64_t slot, int64_t at,
                                     int64_t valid, typename V::Reals (&t)[4]) const {
    unroll<4>([&](auto i) { t[i] = value(sums[i], slot + V::kBytes / 4 * i, at, valid, i); });
  }
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

  int64_t channels_;
  const DepthwiseData& d_;
  const typename V::Finish& finish_;
};

// Some lines, `step` bytes from one to the next in the band. Vectors of one pattern one after the other: they
// share their constants.
template <typename V, Steps kSteps, int kQuads>
void run_band(const DepthwisePlan& p, const DepthwiseData& d, const typename V::Finish& finish, Line line,
              int64_t lines, int64_t step) {
  const LineStore<V, kSteps> store(p, d, finish);
  const int64_t pattern = p.patterns * V::kBytes, weights = static_cast<int64_t>(p.quads.size()) * 4;
  const int64_t whole = store.whole_vectors(line);
  for (int64_t slot = 0; slot < std::min(pattern, line.n); slot += V::kBytes) {
    const Taps<V, kQuads> taps(p, d.weights + slot * weights);
    typename V::Vector offsets[4], sums[4];
    unroll<4>([&](auto i) { offsets[i] = V::load(d.offsets + slot + V::kBytes / 4 * i); });
    Line at = line;
    for (int64_t l = 0; l < lines; ++l, at.x += step, at.at += line.n) {
      int64_t i = slot;
      for (; i < whole; i += pattern) {
        unroll<4>([&](auto k) { sums[k] = offsets[k]; });
        taps.add(at.x + i, sums);
        store.whole(sums, slot, at, i);
      }
      for (; i < line.n; i += pattern) {
        unroll<4>([&](auto k) { sums[k] = offsets[k]; });
        taps.add(at.x + i, sums);
        store.part(sums, slot, at, i);
      }
    }
  }
}

constexpr int64_t kLinesTogether = 4;  // their input stays in the first cache

template <typename V, Steps kSteps>
void run_lines(const DepthwisePlan& p, const DepthwiseData& d, const typename V::Finish& finish,
               int64_t first, int64_t last, std::byte* scratch) {
  const bool single_last = p.quads.back().taps == 1;
  const auto run = single_last && p.quads.size() == 3   ? &run_band<V, kSteps, 2>
                   : single_last && p.quads.size() == 7 ? &run_band<V, kSteps, 6>
                                                        : &run_band<V, kSteps, kAnyQuads>;
  while (first < last) {
    const PixelBlock block = next_block(p.shape, p.band, first, last);
    fill_band(p.shape, p.band, {d.x, d.x_type, d.x_zero_point}, block, scratch);
    const int64_t n = block.columns * p.shape.out_channels, step = p.shape.stride[1] * p.band.line_stride;
    for (int64_t l = 0; l < block.lines; l += kLinesTogether)
      run(p, d, finish, {scratch + l * step, n, first * p.shape.out_channels + l * n},
          std::min(kLinesTogether, block.lines - l), step);
    first += block.pixels();
  }
}

}  // namespace
}  // namespace precis::kernels::simd
