// Eight interleaved lanes: a compiler turns them into vector code, and their order is part of the sums'
// definition.
#include "precis/quant/sample_scan.h"

#include "precis/core/isa.h"

#if defined(__x86_64__)
#define PRECIS_SCAN_AVX2 [[gnu::target("avx2")]]
#endif

namespace precis::quant {
namespace {

constexpr size_t kLanes = 8;

// Vectors of the compiler, which it makes of whatever registers the target has.
using Floats = float __attribute__((vector_size(16)));
using Doubles = double __attribute__((vector_size(32)));

// Lanes 0 to 3 or 4 to 7 of a scan.
struct HalfLanes {
  Floats lo, hi;
  Doubles sum, squares;
};

[[gnu::always_inline]] inline void add_four(HalfLanes& lanes, const float* at) {
  Floats x;
  __builtin_memcpy(&x, at, sizeof(x));
  lanes.lo = x < lanes.lo ? x : lanes.lo;
  lanes.hi = x > lanes.hi ? x : lanes.hi;
  const Doubles d = __builtin_convertvector(x, Doubles);
  lanes.sum += d;
  lanes.squares += d * d;
}

[[gnu::always_inline]] inline void add_one(HalfLanes& lanes, size_t lane, float x) {
  lanes.lo[lane] = x < lanes.lo[lane] ? x : lanes.lo[lane];
  lanes.hi[lane] = x > lanes.hi[lane] ? x : lanes.hi[lane];
  lanes.sum[lane] += static_cast<double>(x);
  lanes.squares[lane] += static_cast<double>(x) * static_cast<double>(x);
}

[[gnu::always_inline]] inline SampleSummary scan_body(const float* x, size_t n) {
  const Floats start = {x[0], x[0], x[0], x[0]};
  HalfLanes low{start, start, {}, {}}, high = low;
  const size_t whole = n / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes) {
    add_four(low, x + i);
    add_four(high, x + i + 4);
  }
  for (size_t i = whole; i < n; ++i) add_one(i - whole < 4 ? low : high, (i - whole) % 4, x[i]);
  SampleSummary s;
  s.min = s.max = x[0];
  s.elements = n;
  for (const HalfLanes* half : {&low, &high})
    for (size_t lane = 0; lane < 4; ++lane) {
      s.min = half->lo[lane] < s.min ? half->lo[lane] : s.min;
      s.max = half->hi[lane] > s.max ? half->hi[lane] : s.max;
      s.sum += half->sum[lane];
      s.sum_squares += half->squares[lane];
    }
  return s;
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

#if defined(PRECIS_SCAN_AVX2)
PRECIS_SCAN_AVX2 SampleSummary scan_avx2(const float* x, size_t n) { return scan_body(x, n); }
PRECIS_SCAN_AVX2 size_t bin_avx2(const float* x, size_t n, const BinGrid& grid, int32_t* bins) {
  return bin_body(x, n, grid, bins);
}
#else
SampleSummary scan_avx2(const float* x, size_t n) { return scan_body(x, n); }
size_t bin_avx2(const float* x, size_t n, const BinGrid& grid, int32_t* bins) {
  return bin_body(x, n, grid, bins);
}
#endif

}  // namespace

SampleSummary scan_values(std::span<const float> values) {
  return current_isa() == Isa::kScalar ? scan_body(values.data(), values.size())
                                       : scan_avx2(values.data(), values.size());
}

size_t bin_values(std::span<const float> values, const BinGrid& grid, int32_t* bins) {
  return current_isa() == Isa::kScalar ? bin_body(values.data(), values.size(), grid, bins)
                                       : bin_avx2(values.data(), values.size(), grid, bins);
}

}  // namespace precis::quant
