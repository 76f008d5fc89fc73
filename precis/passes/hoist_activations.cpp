// Before:  y = Relu(Concat(a, b))      After:  y = Concat(Relu(a), Relu(b))
// The same for Clip with constant limits. Each activation then stands behind the operator that makes the
// value, fuses with it, and folds into its range; behind a Concat it is a step over everything, and some
// runtimes fail on one between two codes. Only where nothing else reads the Concat. An input that cannot be
// negative for Relu (a Relu's result, moved or pooled) needs none.
#include <algorithm>
#include <array>

#include "precis/passes/pass_list.h"

namespace precis::passes {
namespace {

bool has_constant_inputs(const Graph& g, const Node& n) {
  return std::all_of(n.inputs.begin() + 1, n.inputs.end(),
                     [&](ValueId v) { return !v || g.constant(v) != nullptr; });
}

// The Concat that alone feeds this activation.
NodeId concat_before(const Graph& g, const Node& activation) {
  if (!activation.is("Relu") && !activation.is("Clip")) return {};
  const ValueId in = activation.inputs[0];
  const Value& v = g.value(in);
  const bool alone = v.uses.size() == 1 && !g.is_output(in) && v.producer;
  return alone && g.node(v.producer).is("Concat") && has_constant_inputs(g, activation) ? v.producer
                                                                                        : NodeId{};
}

// Operators that make no negative value where their input has none.
bool keeps_sign(const Node& n) {
  constexpr std::array kOps = {"MaxPool",   "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Reshape",
                               "Transpose", "Flatten"};
  return std::any_of(kOps.begin(), kOps.end(), [&](const char* op) { return n.is(op); });
}

bool is_never_negative(const Graph& g, ValueId v) {
  const Node* n = g.producer(v);
  while (n != nullptr && keeps_sign(*n)) n = g.producer(n->inputs[0]);
  return n != nullptr && (n->is("Relu") || n->is("Sigmoid") || n->is("Softmax"));
}

ValueId activated(Graph& g, NodeId position, const Node& activation, ValueId x) {
  Node n = activation;
  n.name = g.unique_node_name(g.value(x).name + "/activation");
  n.inputs[0] = x;
  const ValueId y = g.add_value(g.unique_value_name(g.value(x).name + "/activation"), g.value(x).type);
  n.outputs = {y};
  g.insert_node_before(position, std::move(n));
  return y;
}

// The activation's node takes over the Concat, so that the result keeps its name.
void hoist(Graph& g, NodeId id, NodeId concat) {
  const Node activation = g.node(id);
  std::vector<ValueId> inputs = g.node(concat).inputs;
  for (ValueId& x : inputs)
    if (!activation.is("Relu") || !is_never_negative(g, x)) x = activated(g, concat, activation, x);
  g.node(id).op = "Concat";
  g.node(id).attributes = g.node(concat).attributes;
  g.set_inputs(id, inputs);
  g.remove_node(concat);
}

}  // namespace

PassResult hoist_activations(Model& model) {
  Graph& g = model.graph;
  PassResult result;
  for (int before = -1;
       result.changes != before;) {  // a Concat of Concats: what was hoisted may have to go on
    before = result.changes;
    const std::vector<NodeId> order(g.order().begin(), g.order().end());
    for (NodeId id : order) {
      const NodeId concat = g.node(id).alive ? concat_before(g, g.node(id)) : NodeId{};
      if (!concat) continue;
      hoist(g, id, concat);
      ++result.changes;
    }
  }
  return result;
}

}  // namespace precis::passes
