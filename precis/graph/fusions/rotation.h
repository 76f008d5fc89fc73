// Rotations of pairs as exporters write them, and the tables of their angles; see fuse_rotary.cpp.
#pragma once

#include "precis/graph/fusions/heads.h"

namespace precis::fusions {

struct Rotation {
  ValueId x, cosines, sines;
  bool interleaved = false;
  bool half_tables = false;  // the tables have one value a pair, not one an element
};
// x has four dimensions and an even, known size.
std::optional<Rotation> match_rotation(const Graph& g, ValueId y);

// Which dimension of x are the heads (1 or 2), seen from where the tables are 1.
struct TableAxes {
  int heads = 1, length = 2;
  Dim batch;  // of the tables
};
// nullopt when a table has values by heads, or is not as long as x for certain.
std::optional<TableAxes> axes_of_tables(const Graph& g, Lengths& lengths, const Rotation& r);

// A dimension that can be counted at run time.
struct Counted {
  ValueId value;
  int64_t axis = 0;
};
// One value a pair, [batch, length, size / 2], with the batch of x; where that is only known at run time, it
// is that of `batch`.
ValueId build_table(Graph& g, GraphBuilder& b, const Rotation& r, const TableAxes& axes, ValueId full,
                    const Counted& batch);

}  // namespace precis::fusions
