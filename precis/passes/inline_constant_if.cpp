// Before:  y = If(true) {then_branch=graph t() -> (a) { a = Relu(x) }, else_branch=...}
// After:   y = Relu(x)
//
// Only where the condition is constant; shape code that decides it is folded by other passes first. Values,
// constants and nodes of the branch get new names where theirs are taken.
#include "precis/graph/inline_if.h"
#include "precis/passes/pass_list.h"

namespace precis::passes {

PassResult inline_constant_if(Model& model) {
  Graph& g = model.graph;
  PassResult result;
  const std::vector<NodeId> order(g.order().begin(), g.order().end());
  for (NodeId id : order) {
    if (constant_branch(g, id) == nullptr) continue;
    inline_branch(g, id);
    ++result.changes;
  }
  return result;
}

}  // namespace precis::passes
