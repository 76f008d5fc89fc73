// Rows divided by the root of a mean of squares: what LayerNormalization and RMSNormalization have in common
// when they are written out.
#pragma once

#include "precis/graph/fusions/match.h"

namespace precis::fusions {

// y = data / sqrt(mean(base^2) + epsilon) [* scale], the mean over the dimensions from `axis` (below zero,
// from the end) on.
struct NormalForm {
  ValueId data, base;
  ValueId scale;  // {} when there is none
  float epsilon = 0;
  int64_t axis = -1;
};
// How far data and base may differ and still be meant as one: the same value, or differences of the same.
using SameData = bool (*)(const Graph& g, ValueId data, ValueId base);
std::optional<NormalForm> match_normal_form(const Graph& g, ValueId y, SameData same);

// v = 1 / sqrt(mean(base^2) + epsilon), or that root itself.
struct RootOfMean {
  ValueId base, squares;
  bool inverse = false;
  float epsilon = 0;
  int64_t axis = -1;
};
std::optional<RootOfMean> match_root_of_mean(const Graph& g, ValueId v);

// The x whose mean over its last dimensions `v` is, kept as dimensions of 1; and the first of them, below
// zero.
struct MeanOfRows {
  ValueId value;
  int64_t axis = -1;
};
std::optional<MeanOfRows> mean_of_rows(const Graph& g, ValueId v);

// A constant that has one value for each element of x from `axis` on, and no others.
bool fits_rows(const Graph& g, ValueId v, ValueId x, int64_t axis);
// Such a constant without leading ones; ones in that shape when there is no `v`, {} when the shape of x is
// not known.
ValueId row_or_ones(Graph& g, ValueId v, ValueId x, int64_t axis);

}  // namespace precis::fusions
