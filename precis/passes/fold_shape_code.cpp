// Before:  s = Shape(x[N,3,4]); n = Gather(s, 0); t = Concat(n, 12); y = Reshape(x, t)
// After:   y = Reshape(x, [0, 12])
// Exporters compute with shapes what is known before the model runs. Inference follows such arithmetic
// element by element, also where some dimensions are free (graph/partial_value.h): what it knows wholly
// becomes a constant, and the target of a Reshape becomes one where free dimensions are copied from the same
// place (0) or are the only open one (-1). Nodes that are left without readers go with eliminate_dead_nodes.
#include <algorithm>

#include "precis/passes/pass_list.h"
#include "precis/passes/shape_facts.h"

namespace precis::passes {
namespace {

class ShapeCodeFolder {
 public:
  explicit ShapeCodeFolder(Graph& g) : g_(g), facts_(shape_facts(g)) {}

  int run() {
    int changes = 0;
    const std::vector<NodeId> order(g_.order().begin(), g_.order().end());
    for (NodeId id : order) {
      for (ValueId v : g_.node(id).outputs)
        if (v && known(v) && read_by_others(v)) changes += become_constant(v);
      if (g_.node(id).is("Reshape")) changes += fold_target(id);
    }
    return changes;
  }

 private:
  const PartialValue* partial(ValueId v) const {
    const auto it = facts_.folded.find(v);
    return it == facts_.folded.end() ? nullptr : &it->second;
  }

  bool known(ValueId v) const {
    const PartialValue* p = partial(v);
    return p != nullptr && p->fully_known() && !g_.is_output(v) && p->dtype == g_.value(v).type.dtype &&
           !g_.value(v).type.encoded();
  }

  // Is it read where not everything becomes a constant anyway?
  bool read_by_others(ValueId v) const {
    const auto& uses = g_.value(v).uses;
    return std::any_of(uses.begin(), uses.end(), [&](const Use& use) {
      const auto& outputs = g_.node(use.node).outputs;
      return !std::all_of(outputs.begin(), outputs.end(), [&](ValueId out) { return !out || known(out); });
    });
  }

  int become_constant(ValueId v) {
    const ValueId c =
        g_.add_constant(g_.unique_value_name(g_.value(v).name + "/folded"), partial(v)->to_tensor());
    g_.replace_uses_in_nodes(v, c);
    return 1;
  }

  int fold_target(NodeId id) {
    const Node& n = g_.node(id);
    const ValueId x = n.input(0), target = n.input(1);
    const PartialValue* p = target && !g_.constant(target) ? partial(target) : nullptr;
    const SymbolicShape& from = facts_.types[static_cast<size_t>(x.index)].shape;
    if (p == nullptr || p->shape.rank() != 1 || n.get_int("allowzero", 0) != 0) return 0;
    std::vector<PartialElement> elements = p->elements;
    for (size_t i = 0; i < elements.size(); ++i) {
      if (!elements[i].known || elements[i].integer != 0) continue;
      if (!from || i >= from->size()) return 0;
      elements[i] = elements_of({(*from)[i]})[0];  // a 0 of the model's own: a copy
    }
    std::optional<Tensor> constant = reshape_target(from, elements);
    if (!constant) return 0;
    g_.set_input(
        id, 1,
        g_.add_constant(g_.unique_value_name(g_.value(target).name + "/folded"), std::move(*constant)));
    return 1;
  }

  Graph& g_;
  const Inference facts_;
};

}  // namespace

PassResult fold_shape_code(Model& model) {
  PassResult result;
  result.changes = ShapeCodeFolder(model.graph).run();
  return result;
}

}  // namespace precis::passes
