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

struct Lanes {
  float lo[kLanes], hi[kLanes];
  double sum[kLanes], squares[kLanes];
};

[[gnu::always_inline]] inline void add_to_lane(Lanes& lanes, size_t lane, float x) {
  lanes.lo[lane] = x < lanes.lo[lane] ? x : lanes.lo[lane];
  lanes.hi[lane] = x > lanes.hi[lane] ? x : lanes.hi[lane];
  lanes.sum[lane] += static_cast<double>(x);
  lanes.squares[lane] += static_cast<double>(x) * static_cast<double>(x);
}

[[gnu::always_inline]] inline SampleSummary scan_body(const float* x, size_t n) {
  Lanes lanes;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    lanes.lo[lane] = lanes.hi[lane] = x[0];
    lanes.sum[lane] = lanes.squares[lane] = 0;
  }
  const size_t whole = n / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) add_to_lane(lanes, lane, x[i + lane]);
  for (size_t i = whole; i < n; ++i) add_to_lane(lanes, i - whole, x[i]);
  SampleSummary s;
  s.min = lanes.lo[0];
  s.max = lanes.hi[0];
  s.elements = n;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    s.min = lanes.lo[lane] < s.min ? lanes.lo[lane] : s.min;
    s.max = lanes.hi[lane] > s.max ? lanes.hi[lane] : s.max;
    s.sum += lanes.sum[lane];
    s.sum_squares += lanes.squares[lane];
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
