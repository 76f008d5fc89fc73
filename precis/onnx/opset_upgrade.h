// Brings the operators of a model as read (opsets 1 to 27) to the canonical opset, without changing what it
// computes: attributes that became inputs, defaults that changed, operators that were replaced. One small
// rule per change (upgrade_*.cpp), found by operator name; nothing else is touched.
#pragma once

#include <map>
#include <string_view>

#include "precis/graph/graph.h"
#include "precis/graph/partial_value.h"

namespace precis::onnx_io {

// Error(kMalformed): an operator that its opset does not have; Error(kUnsupported): an old form without a
// canonical one.
void upgrade_model(Model& model);

// Does a rule for the operator ask for shapes when it comes from this opset?
bool upgrade_uses_shapes(std::string_view op, int opset);

// The same for single nodes of a graph, given in their order; `follow_shapes`: rules may ask for shapes.
class NodeUpgrade {
 public:
  NodeUpgrade(Graph& graph, bool follow_shapes) : graph_(graph), follow_shapes_(follow_shapes) {}
  void run(NodeId id, int opset);  // with the node's subgraphs
  void follow(NodeId id);          // a node of the canonical opset: only its shapes are of interest

 private:
  Graph& graph_;
  bool follow_shapes_;
  std::map<ValueId, PartialValue> known_;  // results of shape arithmetic met on the way
};

}  // namespace precis::onnx_io
