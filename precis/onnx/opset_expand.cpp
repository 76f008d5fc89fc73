// Which operators have rules, and applying them; see opset_expand.h.
#include "precis/onnx/opset_expand.h"

#include <vector>

#include "precis/graph/op.h"
#include "precis/onnx/expand_rules.h"

namespace precis::onnx_io {
namespace {

struct ExpandRule {
  const char* op;
  int since;  // the opset that brought the operator
  bool fused;
  bool (*apply)(NodeSite& site);
};
constexpr ExpandRule kRules[] = {
    {"Attention", 23, true, expand_attention},
    {"Gelu", 20, true, expand_gelu},
    {"HardSwish", 14, false, expand_hard_swish},
    {"LayerNormalization", 17, true, expand_layer_norm},
    {"RMSNormalization", 23, true, expand_rms_norm},
    {"RotaryEmbedding", 23, true, expand_rotary},
    {"Swish", 24, true, expand_swish},
};

int expand(Graph& graph, int opset, Expand which) {
  int expanded = 0;
  const std::vector<NodeId> order(graph.order().begin(), graph.order().end());
  for (NodeId id : order) {
    for (auto& [key, attribute] : graph.node(id).attributes)
      if (auto* body = std::get_if<SubgraphPtr>(&attribute)) expanded += expand(**body, opset, which);
    for (const ExpandRule& rule : kRules) {
      if (opset >= rule.since || !graph.node(id).is(rule.op)) continue;
      if (which == Expand::kFused && !rule.fused) continue;
      NodeSite site(graph, id);
      expanded += rule.apply(site) ? 1 : 0;
      break;
    }
  }
  return expanded;
}

}  // namespace

void expand_newer_operators(Graph& graph, int opset, Expand which) {
  if (expand(graph, opset, which) == 0) return;
  graph.remove_dead_values();
  infer_types(graph);
}

}  // namespace precis::onnx_io
