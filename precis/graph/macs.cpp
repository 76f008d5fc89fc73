// Shapes at batch 1 on a copy of the graph, then each operator's own count.
#include "precis/graph/macs.h"

#include <algorithm>

#include "precis/core/checked.h"
#include "precis/core/error.h"
#include "precis/graph/op.h"

namespace precis {
namespace {

// Empty when an input's rank is unknown: then the shapes stay as the model declares them.
std::vector<Shape> shapes_of_one_sample(const Graph& graph) {
  std::vector<Shape> shapes;
  for (ValueId v : graph.inputs()) {
    const ValueType& type = graph.value(v).type;
    if (!type.shape) return {};
    std::vector<int64_t> dims;
    for (const Dim& d : *type.shape) dims.push_back(d.known() ? d.value : 1);
    shapes.emplace_back(std::move(dims));
  }
  return shapes;
}

}  // namespace

MacCount count_macs(const Graph& graph) {
  Graph sample = graph;
  try {
    infer_types(sample, {shapes_of_one_sample(graph)});
  } catch (const Error&) {
    // Length 1 does not fit this model, or an operator is unknown: what the declared shapes tell is counted.
    sample = graph;
  }
  MacCount count;
  count.by_node.assign(graph.num_node_slots(), 0);
  for (NodeId id : graph.order()) {
    const int64_t macs = node_macs(sample, id);
    count.by_node[static_cast<size_t>(id.index)] = macs;
    count.total = checked_add(count.total, macs);
  }
  return count;
}

}  // namespace precis
