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

bool Lengths::is_number(ValueId v, size_t i, const Dim& wanted) {
  if (const Tensor* t = v ? g_.constant(v) : nullptr)
    return wanted.known() && static_cast<int64_t>(i) < t->numel() &&
           t->at_int(static_cast<int64_t>(i)) == wanted.value;
  if (!facts_) facts_ = infer_graph(g_, {}, [](NodeId, const Error&) {});
  const auto known = facts_->folded.find(v);
  if (known == facts_->folded.end() || i >= known->second.elements.size()) return false;
  const PartialElement& e = known->second.elements[i];
  return wanted.known() ? e.known && e.integer == wanted.value
                        : !wanted.symbol.empty() && e.symbol == wanted.symbol;
}

bool Lengths::is_cut_to(const Node& slice, size_t i, int axis, const Dim& wanted) {
  const Dim whole = dim_of(g_, slice.inputs[0], axis);
  return whole.known() && whole.value > 1 && is_number(slice.inputs[1], i, 0) &&
         is_number(slice.inputs[2], i, wanted) && (!slice.input(4) || is_number(slice.input(4), i, 1));
}

bool Lengths::fit(ValueId v, int axis, const Dim& wanted) {
  constexpr int kMaxSlices = 12;  // of other dimensions, from `v` back to where this one was cut
  for (int step = 0; step <= kMaxSlices; ++step) {
    if (surely_equal(dim_of(g_, v, axis), wanted)) return true;
    const Node* n = made_by(g_, v, "Slice");
    const auto rank = rank_of(g_, v);
    const Tensor* axes = n != nullptr ? g_.constant(n->input(3)) : nullptr;
    if (axes == nullptr || !rank) return false;
    if (axis < 0) axis += *rank;
    const std::vector<int64_t> list = to_int64s(*axes, "axes");
    for (size_t i = 0; i < list.size(); ++i)
      if (list[i] == axis || list[i] == axis - *rank) return is_cut_to(*n, i, axis, wanted);
    v = n->inputs[0];
  }
  return false;
}

ValueId heads_shape(GraphBuilder& b, int64_t heads, int64_t size) {
  return b.ints({0, 0, heads, size}, "heads");
}

}  // namespace precis::fusions
