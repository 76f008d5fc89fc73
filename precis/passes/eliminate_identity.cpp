// Before:  x -> Identity -> y -> Relu      After:  x -> Relu
// Also Dropout whose mask nobody reads (at inference it passes its input on), Cast to the type it already has, and chains of
// them. A node that stands directly between a graph input (or constant) and a graph output stays: both names are interface.
#include "precis/passes/pass_list.h"

namespace precis::passes {
namespace {

bool unread(const Graph& g, ValueId v) { return !v || (g.value(v).uses.empty() && !g.is_output(v)); }

bool passes_input_on(const Graph& g, const Node& n) {
  if (n.is("Identity")) return true;
  if (n.is("Dropout")) {
    const Tensor* training = g.constant(n.input(2));
    const bool inference = !n.input(2) || (training && training->at_int(0) == 0);
    return inference && unread(g, n.output(1));
  }
  if (n.is("Cast")) {
    const ValueType& in = g.value(n.input(0)).type;
    return in.dtype != DType::kUndefined && in.dtype == g.value(n.output(0)).type.dtype;
  }
  return false;
}

}  // namespace

PassResult eliminate_identity(Model& model) {
  Graph& g = model.graph;
  PassResult result;
  const std::vector<NodeId> order(g.order().begin(), g.order().end());
  for (NodeId id : order) {
    if (!passes_input_on(g, g.node(id))) continue;
    const ValueId in = g.node(id).input(0), out = g.node(id).output(0);
    if (g.is_output(out)) {
      const NodeId producer = g.value(in).producer;
      if (!producer || g.is_output(in)) continue;
      // The producer takes over the output's name: rename so that the interface keeps it.
      const std::string name = g.value(out).name;
      g.rename_value(out, g.unique_value_name(name + "/removed"));
      g.rename_value(in, name);
    }
    g.replace_uses(out, in);
    g.remove_node(id);
    ++result.changes;
  }
  return result;
}

}  // namespace precis::passes
