// See the header.
#include "precis/graph/fusions/heads.h"

#include <numeric>

#include "precis/core/checked.h"

namespace precis::fusions {

std::optional<Transposed> transposed(const Graph& g, ValueId v) {
  const Node* n = made_by(g, v, "Transpose");
  const auto rank = n != nullptr ? rank_of(g, n->inputs[0]) : std::nullopt;
  if (!rank || g.value(v).type.encoded()) return std::nullopt;
  Transposed t{n->inputs[0], n->get_ints("perm")};
  if (t.perm.empty()) {  // by default the dimensions turn round
    t.perm.resize(static_cast<size_t>(*rank));
    std::iota(t.perm.rbegin(), t.perm.rend(), 0);
  }
  return t;
}

ValueId behind_swapped_heads(const Graph& g, ValueId v) {
  const auto t = transposed(g, v);
  return t && t->perm == kSwapHeads ? t->value : ValueId{};
}

ValueId as_rows(Graph& g, GraphBuilder& b, ValueId x) {
  const Dim heads = dim_of(g, x, 2), size = dim_of(g, x, 3);
  const Node* n = made_by(g, x, "Reshape");
  if (n != nullptr && rank_of(g, n->inputs[0]) == 3) {
    const ValueId rows = n->inputs[0];
    const Dim width = dim_of(g, rows, 2);
    if (width.known() && width.value == heads.value * size.value &&
        surely_equal(dim_of(g, rows, 0), dim_of(g, x, 0)) &&
        surely_equal(dim_of(g, rows, 1), dim_of(g, x, 1)))
      return rows;
  }
  return b.op("Reshape", {x, b.ints({0, 0, checked_mul(heads.value, size.value)}, "rows")});
}

ValueId heads_shape(GraphBuilder& b, int64_t heads, int64_t size) {
  return b.ints({0, 0, heads, size}, "heads");
}

}  // namespace precis::fusions
