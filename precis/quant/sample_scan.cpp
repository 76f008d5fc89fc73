// Interleaved lanes: a compiler turns them into vector code, and their order is part of the sums' definition.
#include "precis/quant/sample_scan.h"

#include <cmath>

#include "precis/core/isa.h"

#if defined(__x86_64__)
#define PRECIS_SCAN_AVX2 [[gnu::target("avx2")]]
#else
#define PRECIS_SCAN_AVX2
#endif

namespace precis::quant {
namespace {

// Vectors of the compiler, which it makes of whatever registers the target has.
using Floats = float __attribute__((vector_size(32)));
using Ints = int32_t __attribute__((vector_size(32)));
using HalfFloats = float __attribute__((vector_size(16)));
using Doubles = double __attribute__((vector_size(32)));
constexpr size_t kFloats = 8;

template <typename V>
[[gnu::always_inline]] inline void load(V& v, const float* at) {
  __builtin_memcpy(&v, at, sizeof(v));
}

// Four independent chains: one would wait for each comparison.
[[gnu::always_inline]] inline Extremes extremes_body(const float* x, size_t n) {
  constexpr size_t kChains = 4;
  const Floats start = {x[0], x[0], x[0], x[0], x[0], x[0], x[0], x[0]};
  Floats lo[kChains] = {start, start, start, start}, hi[kChains] = {start, start, start, start};
  Ints nan = {};
  size_t i = 0;
  for (; i + kChains * kFloats <= n; i += kChains * kFloats)
    for (size_t k = 0; k < kChains; ++k) {
      Floats v;
      load(v, x + i + k * kFloats);
      lo[k] = v < lo[k] ? v : lo[k];
      hi[k] = v > hi[k] ? v : hi[k];
      nan |= v != v;
    }
  Extremes e{x[0], x[0], true};
  for (; i < n; ++i) {
    e.min = x[i] < e.min ? x[i] : e.min;
    e.max = x[i] > e.max ? x[i] : e.max;
    e.finite &= x[i] == x[i];
  }
  for (size_t k = 0; k < kChains; ++k)
    for (size_t lane = 0; lane < kFloats; ++lane) {
      e.min = lo[k][lane] < e.min ? lo[k][lane] : e.min;
      e.max = hi[k][lane] > e.max ? hi[k][lane] : e.max;
      e.finite &= nan[lane] == 0;
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

[[gnu::always_inline]] inline void pixels_body(const float* x, size_t n, size_t channels, double* lanes) {
  for (size_t at = 0, lane = 0; at < n; at += channels, lane = (lane + 1) % kSumLanes) {
    double* sums = lanes + lane * channels;
    size_t c = 0;
    for (; c + 4 <= channels; c += 4) {
      HalfFloats v;
      load(v, x + at + c);
      Doubles s;
      __builtin_memcpy(&s, sums + c, sizeof(s));
      s += __builtin_convertvector(v, Doubles);
      __builtin_memcpy(sums + c, &s, sizeof(s));
    }
    for (; c < channels; ++c) sums[c] += static_cast<double>(x[at + c]);
  }
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

// The second copy of each body.
PRECIS_SCAN_AVX2 Extremes extremes_avx2(const float* x, size_t n) { return extremes_body(x, n); }
PRECIS_SCAN_AVX2 double sum_avx2(const float* x, size_t n) { return sum_body(x, n); }
PRECIS_SCAN_AVX2 void pixels_avx2(const float* x, size_t n, size_t channels, double* lanes) {
  pixels_body(x, n, channels, lanes);
}
PRECIS_SCAN_AVX2 size_t bin_avx2(const float* x, size_t n, const BinGrid& grid, int32_t* bins) {
  return bin_body(x, n, grid, bins);
}

bool has_avx2() { return current_isa() != Isa::kScalar; }

}  // namespace

Extremes find_extremes(std::span<const float> values) {
  return has_avx2() ? extremes_avx2(values.data(), values.size()) : extremes_body(values.data(), values.size());
}

double sum_values(std::span<const float> values) {
  return has_avx2() ? sum_avx2(values.data(), values.size()) : sum_body(values.data(), values.size());
}

void add_pixels(std::span<const float> values, size_t channels, double* lanes) {
  return has_avx2() ? pixels_avx2(values.data(), values.size(), channels, lanes)
                    : pixels_body(values.data(), values.size(), channels, lanes);
}

size_t bin_values(std::span<const float> values, const BinGrid& grid, int32_t* bins) {
  return has_avx2() ? bin_avx2(values.data(), values.size(), grid, bins) : bin_body(values.data(), values.size(), grid, bins);
}

}  // namespace precis::quant
