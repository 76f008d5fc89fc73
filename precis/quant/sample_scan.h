// The loops over every calibrated value: extremes, sums, and histogram bins. Each has one body, compiled for
// plain x86-64 and for AVX2; both give the same bits. Internal to precis/quant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace precis::quant {

// Of values that are not empty. A zero has no sign, in whatever order the values are.
struct Extremes {
  float min = 0, max = 0;
  bool finite = true;  // all values are
};
Extremes find_extremes(std::span<const float> values);

// Sums in double: value i goes to lane i mod kSumLanes, and the lanes are joined in order.
constexpr size_t kSumLanes = 8;
double sum_values(std::span<const float> values);
// Adds pixels of interleaved channels: channel c of pixel p goes to lanes[(p mod kSumLanes) * channels + c].
void add_pixels(std::span<const float> values, size_t channels, double* lanes);

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
