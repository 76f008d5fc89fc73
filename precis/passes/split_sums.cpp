// Before:  y = Sum(a, b, c)      After:  t = Add(a, b); y = Add(t, c)
// Every rule for Add (fused residuals, sums of codes) then holds for Sum too; the order of the additions is the same.
#include "precis/passes/pass_list.h"

namespace precis::passes {

PassResult split_sums(Model& model) {
  Graph& g = model.graph;
  PassResult result;
  const std::vector<NodeId> order(g.order().begin(), g.order().end());
  for (NodeId id : order) {
    if (!g.node(id).is("Sum") || g.node(id).inputs.size() < 2) continue;
    const std::vector<ValueId> inputs = g.node(id).inputs;
    ValueId partial = inputs[0];
    for (size_t i = 1; i + 1 < inputs.size(); ++i) {
      Node add;
      add.op = "Add";
      add.name = g.unique_node_name(g.node(id).name + "/partial");
      add.inputs = {partial, inputs[i]};
      partial = g.add_value(g.unique_value_name(g.value(g.node(id).outputs[0]).name + "/partial"));
      add.outputs = {partial};
      g.insert_node_before(id, std::move(add));
    }
    g.node(id).op = "Add";
    g.set_inputs(id, {partial, inputs.back()});
    ++result.changes;
  }
  return result;
}

}  // namespace precis::passes
