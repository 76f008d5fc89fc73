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

// What is known of lengths that only come at run time.
class Lengths {
 public:
  explicit Lengths(const Graph& g) : g_(g) {}
  // Dimension `axis` of `v` is `wanted` whenever `v` broadcasts to it. By their types; or because `v` is the
  // first `wanted` elements of something longer than one: where that ends earlier, nothing broadcasts.
  bool fit(ValueId v, int axis, const Dim& wanted);

 private:
  bool is_cut_to(const Node& slice, size_t i, int axis, const Dim& wanted);  // by its axis number i
  bool is_number(ValueId v, size_t i, const Dim& wanted);
  const Graph& g_;
  std::optional<Inference> facts_;  // made when it is first asked for
};

}  // namespace precis::fusions
