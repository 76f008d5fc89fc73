// Interleaved lanes: a compiler turns them into vector code, and their order is part of the sums' definition.
#include "precis/quant/sample_scan.h"

#include <algorithm>
#include <cmath>

#include "precis/quant/avx2_copy.h"

namespace precis::quant {
namespace {

// Vectors of the compiler, which it makes of whatever registers the target has.
using Floats = float __attribute__((vector_size(32)));
using Ints = int32_t __attribute__((vector_size(32)));
using WideFloats = float __attribute__((vector_size(64)));
using WideInts = int32_t __attribute__((vector_size(64)));
using HalfFloats = float __attribute__((vector_size(16)));
using Doubles = double __attribute__((vector_size(32)));
using WideDoubles = double __attribute__((vector_size(64)));
constexpr size_t kFloats = 8;

template <typename V>
[[gnu::always_inline]] inline void load(V& v, const float* at) {
  __builtin_memcpy(&v, at, sizeof(v));
}

// Whole blocks of four independent chains: one would wait for each comparison.
constexpr size_t kChains = 4;
constexpr int32_t kInfinity = 0x7f800000;

template <typename F, typename I>
[[gnu::always_inline]] inline void add_blocks(Extremes& e, const float* x, size_t n) {
  constexpr size_t kLanes = sizeof(F) / sizeof(float);
  const F start = x[0] - F{};  // in every lane
  F lo[kChains] = {start, start, start, start}, hi[kChains] = {start, start, start, start};
  // Magnitudes as integers have the order of the numbers, infinity and NaN last.
  I largest = {};
  for (size_t i = 0; i < n; i += kChains * kLanes)
    for (size_t k = 0; k < kChains; ++k) {
      F v;
      load(v, x + i + k * kLanes);
      lo[k] = v < lo[k] ? v : lo[k];
      hi[k] = v > hi[k] ? v : hi[k];
      I magnitude;
      __builtin_memcpy(&magnitude, &v, sizeof(v));
      magnitude &= INT32_MAX;
      largest = magnitude > largest ? magnitude : largest;
    }
  for (size_t k = 0; k < kChains; ++k)
    for (size_t lane = 0; lane < kLanes; ++lane) {
      e.min = std::min(e.min, lo[k][lane]);
      e.max = std::max(e.max, hi[k][lane]);
      e.finite &= largest[lane] < kInfinity;
    }
}

template <typename F, typename I>
[[gnu::always_inline]] inline Extremes extremes_body(const float* x, size_t n) {
  Extremes e{x[0], x[0], true};
  constexpr size_t kBlock = kChains * sizeof(F) / sizeof(float);
  const size_t whole = n / kBlock * kBlock;
  if (whole > 0) add_blocks<F, I>(e, x, whole);
  for (size_t i = whole; i < n; ++i) {
    e.min = std::min(e.min, x[i]);
    e.max = std::max(e.max, x[i]);
    e.finite &= x[i] == x[i];
  }
  e.finite &= std::isfinite(e.min) && std::isfinite(e.max);
  e.min += 0.0f;
  e.max += 0.0f;
  return e;
}

[[gnu::always_inline]] inline double sum_body(const float* x, size_t n) {
  Doubles low = {}, high = {};
  const size_t whole = n / kSumLanes * kSumLanes;
  for (size_t i = 0; i < whole; i += kSumLanes) {
    HalfFloats a, b;
    load(a, x + i);
    load(b, x + i + 4);
    low += __builtin_convertvector(a, Doubles);
    high += __builtin_convertvector(b, Doubles);
  }
  for (size_t i = whole; i < n; ++i) {
    const size_t lane = i - whole;
    (lane < 4 ? low : high)[lane % 4] += static_cast<double>(x[i]);
  }
  double sum = 0;
  for (size_t lane = 0; lane < 4; ++lane) sum += low[lane];
  for (size_t lane = 0; lane < 4; ++lane) sum += high[lane];
  return sum;
}

// Channels [c, channels) of pixels.
[[gnu::always_inline]] inline void pixels_body(const float* x, size_t n, size_t channels, double* lanes,
                                               size_t c = 0) {
  const size_t first = c;
  for (size_t at = 0, lane = 0; at < n; at += channels, lane = (lane + 1) % kSumLanes) {
    double* sums = lanes + lane * channels;
    for (c = first; c + kFloats <= channels; c += kFloats) {
      Floats v;
      load(v, x + at + c);
      WideDoubles s;
      __builtin_memcpy(&s, sums + c, sizeof(s));
      s += __builtin_convertvector(v, WideDoubles);
      __builtin_memcpy(sums + c, &s, sizeof(s));
    }
    for (; c < channels; ++c) sums[c] += static_cast<double>(x[at + c]);
  }
}

// The same where 16 sums of 8 fit into registers: 16 channels at a time, whose lanes stay there.
[[gnu::always_inline]] inline void wide_pixels_body(const float* x, size_t n, size_t channels,
                                                    double* lanes) {
  constexpr size_t kHalves = 2, kChannels = kHalves * kFloats;
  size_t c = 0;
  for (; c + kChannels <= channels; c += kChannels) {
    WideDoubles sums[kSumLanes][kHalves];
    for (size_t lane = 0; lane < kSumLanes; ++lane)
      __builtin_memcpy(sums[lane], lanes + lane * channels + c, sizeof(sums[lane]));
    const auto add = [&](size_t lane, const float* pixel) {
      for (size_t half = 0; half < kHalves; ++half) {
        Floats v;
        load(v, pixel + half * kFloats);
        sums[lane][half] += __builtin_convertvector(v, WideDoubles);
      }
    };
    const float* pixel = x + c;
    const float* const end = x + n;
    for (; pixel + (kSumLanes - 1) * channels < end; pixel += kSumLanes * channels)
      for (size_t lane = 0; lane < kSumLanes; ++lane) add(lane, pixel + lane * channels);
    for (size_t lane = 0; pixel < end; pixel += channels, ++lane) add(lane, pixel);
    for (size_t lane = 0; lane < kSumLanes; ++lane)
      __builtin_memcpy(lanes + lane * channels + c, sums[lane], sizeof(sums[lane]));
  }
  if (c < channels) pixels_body(x, n, channels, lanes, c);
}

// Exact in float: x times a power of two is exact or, where it underflows, of a magnitude below 1; so is the
// lower edge that decides about the floor of negative values.
[[gnu::always_inline]] inline size_t bin_body(const float* x, size_t n, const BinGrid& grid, int32_t* bins) {
  const float width = grid.width, inverse = grid.inverse;
  const int32_t first = grid.first, skipped = grid.skipped;
  for (size_t i = 0; i < n; ++i) {
    const int32_t towards_zero = static_cast<int32_t>(x[i] * inverse);
    bins[i] = towards_zero - (x[i] < static_cast<float>(towards_zero) * width ? 1 : 0) - first;
  }
  size_t kept = 0;
  for (size_t i = 0; i < n; ++i) {
    const int32_t bin = bins[i];
    bins[kept] = bin;
    kept += bin != skipped ? 1 : 0;
  }
  return kept;
}

Extremes extremes_plain(const float* x, size_t n) { return extremes_body<Floats, Ints>(x, n); }
PRECIS_AVX2_COPY Extremes extremes_avx2(const float* x, size_t n) {
  return extremes_body<Floats, Ints>(x, n);
}
PRECIS_AVX512_COPY Extremes extremes_avx512(const float* x, size_t n) {
  return extremes_body<WideFloats, WideInts>(x, n);
}
PRECIS_AVX2_COPY double sum_avx2(const float* x, size_t n) { return sum_body(x, n); }
PRECIS_AVX2_COPY void pixels_avx2(const float* x, size_t n, size_t channels, double* lanes) {
  pixels_body(x, n, channels, lanes);
}
PRECIS_AVX512_COPY void pixels_avx512(const float* x, size_t n, size_t channels, double* lanes) {
  wide_pixels_body(x, n, channels, lanes);
}
void pixels_plain(const float* x, size_t n, size_t channels, double* lanes) {
  pixels_body(x, n, channels, lanes);
}
PRECIS_AVX2_COPY size_t bin_avx2(const float* x, size_t n, const BinGrid& grid, int32_t* bins) {
  return bin_body(x, n, grid, bins);
}

}  // namespace

Extremes find_extremes(std::span<const float> values) {
  const auto body = has_avx512() ? extremes_avx512 : has_avx2() ? extremes_avx2 : extremes_plain;
  return body(values.data(), values.size());
}

double sum_values(std::span<const float> values) {
  return has_avx2() ? sum_avx2(values.data(), values.size()) : sum_body(values.data(), values.size());
}

void add_pixels(std::span<const float> values, size_t channels, double* lanes) {
  const auto body = has_avx512() ? pixels_avx512 : has_avx2() ? pixels_avx2 : pixels_plain;
  body(values.data(), values.size(), channels, lanes);
}

size_t bin_values(std::span<const float> values, const BinGrid& grid, int32_t* bins) {
  return has_avx2() ? bin_avx2(values.data(), values.size(), grid, bins)
                    : bin_body(values.data(), values.size(), grid, bins);
}

}  // namespace precis::quant
