// A Requantize to the same encoding for each operand of an Add that a convolution makes for it alone.
#include "precis/passes/round_before_sums.h"

#include "precis/graph/builder.h"

namespace precis::passes {
namespace {

bool is_convolution_for_one(const Graph& g, const Placement& place, ValueId v) {
  if (!v || !g.value(v).type.encoded() || g.value(v).uses.size() != 1 || g.is_output(v)) return false;
  NodeId producer = g.value(v).producer;
  while (producer && place.role(producer) == QuantRole::kFolded)
    producer = g.value(g.node(producer).input(0)).producer;
  return producer && g.node(producer).is("Conv") && place.role(producer) == QuantRole::kHeavy;
}

}  // namespace

void round_before_sums(Graph& g, const Placement& place) {
  const std::vector<NodeId> order(g.order().begin(), g.order().end());
  for (NodeId id : order) {
    if (!g.node(id).is("Add") || place.role(id) != QuantRole::kLight) continue;
    for (size_t slot = 0; slot < 2; ++slot) {
      const ValueId v = g.node(id).input(slot);
      if (!is_convolution_for_one(g, place, v)) continue;
      const ValueId again = g.add_value(g.unique_value_name(g.value(v).name + "/again"), g.value(v).type);
      g.insert_node_before(id, conversion_node(g, "Requantize", v, again));
      g.set_input(id, slot, again);
    }
  }
}

}  // namespace precis::passes
