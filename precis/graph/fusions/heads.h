// Heads of attention in graphs: values of four dimensions, [batch, heads, length, size] or, before they are
// transposed, [batch, length, heads, size], which are rows [batch, length, heads * size] under another shape.
#pragma once

#include "precis/graph/builder.h"
#include "precis/graph/fusions/match.h"

namespace precis::fusions {

// The x of v = Transpose(x), and the permutation.
struct Transposed {
  ValueId value;
  std::vector<int64_t> perm;
};
std::optional<Transposed> transposed(const Graph& g, ValueId v);
// [batch, length, heads, size] <-> [batch, heads, length, size]
inline const std::vector<int64_t> kSwapHeads = {0, 2, 1, 3};
// The x of v = Transpose(x) that swaps length and heads.
ValueId behind_swapped_heads(const Graph& g, ValueId v);

// Heads and their size of x [batch, length, heads, size] as rows: the value that was reshaped to x, or a
// Reshape of it, built with `b`.
ValueId as_rows(Graph& g, GraphBuilder& b, ValueId x);
// The shape [0, 0, heads, size] for a Reshape of rows to heads.
ValueId heads_shape(GraphBuilder& b, int64_t heads, int64_t size);

}  // namespace precis::fusions
