// See node_label.h.
#include "precis/graph/node_label.h"

namespace precis {

std::string node_label(const Graph& graph, const Node& node) {
  if (!node.name.empty()) return node.name;
  for (ValueId id : node.outputs)
    if (id) return graph.value(id).name;
  return {};
}

}  // namespace precis
