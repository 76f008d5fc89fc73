// The two loops over every calibrated value: extremes with moments, and histogram bins. Each has one body,
// compiled for plain x86-64 and for AVX2; both give the same bits. Internal to precis/quant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "precis/quant/range_table.h"

namespace precis::quant {

// Of a sample that is not empty. The sums are NaN or infinite exactly when some value is.
SampleSummary scan_values(std::span<const float> values);

// Bins of power-of-two width, all of whose indices are below 2^24 in magnitude.
struct BinGrid {
  float width = 1, inverse = 1;
  int32_t first = 0;    // index of the bin that is numbered 0
  int32_t skipped = 0;  // number of a bin whose values are only counted
};
// Writes the bin numbers of all values that are not in `skipped`, in order; returns how many. `bins` has room
// for all.
size_t bin_values(std::span<const float> values, const BinGrid& grid, int32_t* bins);

}  // namespace precis::quant
