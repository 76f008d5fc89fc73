// Before:  x -> Relu -> y (output)      After:  x -> Relu -> y
//          x -> Exp  -> z (unused)
// Nodes are visited backwards, so whole dead chains go in one sweep. Graph inputs stay: they are the model's interface.
#include <algorithm>

#include "precis/passes/pass_list.h"

namespace precis::passes {

PassResult eliminate_dead_nodes(Model& model) {
  Graph& g = model.graph;
  PassResult result;
  std::vector<NodeId> order(g.order().begin(), g.order().end());
  std::reverse(order.begin(), order.end());
  for (NodeId id : order) {
    const Node& n = g.node(id);
    const bool read = std::any_of(n.outputs.begin(), n.outputs.end(),
                                  [&](ValueId v) { return v && (!g.value(v).uses.empty() || g.is_output(v)); });
    if (read) continue;
    g.remove_node(id);
    ++result.changes;
  }
  // Initializers that nobody reads any more. What subgraphs read is an input of the node that holds them here.
  if (result.changes > 0) g.remove_dead_values();
  return result;
}

}  // namespace precis::passes
