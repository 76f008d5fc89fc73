// One rule per operator; see opset_expand.h. The definitions are those of the ONNX operator documents.
#include "precis/onnx/opset_expand.h"

#include <vector>

namespace precis::onnx_io {
namespace {

// HardSwish(x) = x * HardSigmoid(x; 1/6, 1/2)
void expand_hard_swish(Graph& g, NodeId id) {
  const ValueId x = g.node(id).input(0), y = g.node(id).output(0);
  Node gate;
  gate.op = "HardSigmoid";
  gate.name = g.unique_node_name(g.value(y).name + "_hard_sigmoid");
  gate.inputs = {x};
  gate.outputs = {g.add_value(g.unique_value_name(g.value(y).name + "_hard_sigmoid"), g.value(y).type)};
  gate.attributes = {{"alpha", 1.0f / 6}, {"beta", 0.5f}};
  const ValueId factor = gate.outputs[0];
  g.insert_node_before(id, std::move(gate));
  g.node(id).op = "Mul";
  g.set_inputs(id, {x, factor});
}

struct ExpandRule {
  const char* op;
  int since;  // the opset that brought the operator
  void (*apply)(Graph& graph, NodeId id);
};
constexpr ExpandRule kRules[] = {{"HardSwish", 14, expand_hard_swish}};

}  // namespace

void expand_newer_operators(Graph& graph, int opset) {
  const std::vector<NodeId> order(graph.order().begin(), graph.order().end());
  for (NodeId id : order) {
    for (auto& [key, attribute] : graph.node(id).attributes)
      if (auto* body = std::get_if<SubgraphPtr>(&attribute)) expand_newer_operators(**body, opset);
    for (const ExpandRule& rule : kRules)
      if (opset < rule.since && graph.node(id).is(rule.op)) {
        rule.apply(graph, id);
        break;
      }
  }
}

}  // namespace precis::onnx_io
