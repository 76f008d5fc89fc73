// See shape_facts.h.
#include "precis/passes/shape_facts.h"

#include <fmt/format.h>

namespace precis::passes {

Inference shape_facts(const Graph& graph) {
  Graph bare = graph;
  for (NodeId id : bare.order())
    for (ValueId out : bare.node(id).outputs)
      if (out) bare.value(out).type.shape.reset();
  for (ValueId in : bare.inputs()) {
    SymbolicShape& shape = bare.value(in).type.shape;
    for (size_t i = 0; shape && i < shape->size(); ++i)
      if (Dim& d = (*shape)[i]; !d.known() && d.symbol.empty())
        d.symbol = fmt::format("{} of input {}", i, in.index);
  }
  return infer_graph(bare);
}

bool same_shape(const SymbolicShape& a, const SymbolicShape& b) {
  if (!a || !b || a->size() != b->size()) return false;
  for (size_t i = 0; i < a->size(); ++i) {
    const Dim &x = (*a)[i], &y = (*b)[i];
    if (x.known() ? x.value != y.value : x.symbol.empty() || x.symbol != y.symbol || y.known()) return false;
  }
  return true;
}

std::optional<Tensor> reshape_target(const SymbolicShape& from, const std::vector<PartialElement>& to) {
  std::vector<int64_t> target;
  bool open = false, empty = false;
  for (size_t i = 0; i < to.size(); ++i) {
    const PartialElement& e = to[i];
    const bool copied =
        !e.known && !e.symbol.empty() && from && i < from->size() && (*from)[i].symbol == e.symbol;
    int64_t length = e.known ? e.integer : copied ? 0 : -1;
    if (length < 0 && open) return std::nullopt;
    open = open || length < 0;
    empty = empty || (e.known && e.integer == 0);
    target.push_back(length);
  }
  if (empty) return std::nullopt;  // 0 means a copy
  return Tensor::from<int64_t>(Shape{static_cast<int64_t>(target.size())}, std::span<const int64_t>(target));
}

std::vector<PartialElement> elements_of(const std::vector<Dim>& dims) {
  std::vector<PartialElement> elements;
  for (const Dim& d : dims)
    elements.push_back(d.known() ? PartialElement::of(d.value) : PartialElement::named(d.symbol));
  return elements;
}

}  // namespace precis::passes
