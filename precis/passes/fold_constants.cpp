// Before:  [2,3] (constant) -> Transpose -> y -> ...      After:  y = constant -> ...
// Nodes whose inputs are all constant are evaluated once, through graph/evaluate.h. A result may be larger
// than what it is made of by at most limits().max_fold_growth_bytes (Expand, Tile, ConstantOfShape would blow
// the model up). Shapes that inference knows count as constants too: exporters' Shape-Gather-Concat chains
// fold where the shapes are known.
#include <algorithm>

#include "precis/core/limits.h"
#include "precis/graph/evaluate.h"
#include "precis/graph/op.h"
#include "precis/passes/pass_list.h"

namespace precis::passes {
namespace {

// Shape and Size of a value whose dimensions are all known need no input data.
std::optional<std::vector<Tensor>> known_shape(const Graph& g, const Node& n) {
  if (!n.is("Shape") && !n.is("Size")) return std::nullopt;
  const SymbolicShape& s = g.value(n.input(0)).type.shape;
  if (!fully_known(s)) return std::nullopt;
  const Shape shape = to_shape(s);
  if (n.is("Size")) return std::vector<Tensor>{Tensor::scalar<int64_t>(shape.numel())};
  const int64_t rank = shape.rank();
  const auto clip = [&](int64_t a) { return std::clamp<int64_t>(a < 0 ? a + rank : a, 0, rank); };
  const int64_t start = clip(n.get_int("start", 0)), end = std::max(start, clip(n.get_int("end", rank)));
  Tensor t(DType::kI64, Shape{end - start});
  for (int64_t i = start; i < end; ++i)
    t.data<int64_t>()[static_cast<size_t>(i - start)] = shape[static_cast<int>(i)];
  return std::vector<Tensor>{t};
}

std::optional<std::vector<Tensor>> fold(const Graph& g, const Node& n) {
  if (auto shape = known_shape(g, n)) return shape;
  uint64_t bytes = 0;
  std::vector<Tensor> inputs;
  for (ValueId v : n.inputs) {
    if (!v) {
      inputs.emplace_back();
      continue;
    }
    const Tensor* t = g.constant(v);
    if (t == nullptr || g.value(v).type.encoded()) return std::nullopt;
    bytes += static_cast<uint64_t>(t->nbytes());
    inputs.push_back(*t);
  }
  return evaluate_node(n, inputs, bytes + limits().max_fold_growth_bytes);
}

bool touches_encoding_or_output(const Graph& g, const Node& n) {
  return std::any_of(n.outputs.begin(), n.outputs.end(),
                     [&](ValueId v) { return v && (g.value(v).type.encoded() || g.is_output(v)); });
}

}  // namespace

PassResult fold_constants(Model& model) {
  Graph& g = model.graph;
  PassResult result;
  const std::vector<NodeId> order(g.order().begin(), g.order().end());
  for (NodeId id : order) {
    const Node& n = g.node(id);
    if (n.domain == "precis" || n.is("QuantizeLinear") || n.is("DequantizeLinear") ||
        draws_random_numbers(g, n) || touches_encoding_or_output(g, n))
      continue;
    auto folded = fold(g, n);
    if (!folded) continue;
    const std::vector<ValueId> outputs = n.outputs;
    g.remove_node(id);
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i]) continue;
      const std::string name = g.value(outputs[i]).name;
      const ValueId c = g.add_constant(g.unique_value_name(name + "/folded"), std::move((*folded)[i]));
      g.replace_uses(outputs[i], c);
    }
    ++result.changes;
  }
  return result;
}

}  // namespace precis::passes
