// The runner of the upgrade rules.
#include "precis/onnx/opset_upgrade.h"

#include <map>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/graph/op.h"
#include "precis/onnx/op_versions.h"
#include "precis/onnx/upgrade_rules.h"

namespace precis::onnx_io {
namespace {

using RuleMap =
    std::multimap<std::string_view, const UpgradeRule*>;  // rules of one operator keep their order

const RuleMap& rules() {
  static const RuleMap map = [] {
    RuleMap m;
    for (const auto table : {attribute_upgrades(), semantic_upgrades(), resize_upgrades(), scan_upgrades()})
      for (const UpgradeRule& rule : table) m.emplace(rule.op, &rule);
    return m;
  }();
  return map;
}

void check_exists(const Graph& graph, const Node& n, int opset) {
  const OpLifetime life = op_lifetime(n.op);
  if (life.first == 0) return;  // ONNX never had it: the validator names all unknown operators at once
  check(opset >= life.first, ErrorCode::kMalformed,
        "{}: opset {} has no such operator, it came with opset {}", describe(graph, n), opset, life.first);
  check(opset <= life.last, ErrorCode::kMalformed,
        "{}: opset {} has no such operator, the last opset with it was {}", describe(graph, n), opset,
        life.last);
}

bool needs_shapes(const Graph& graph, int opset) {
  for (NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    const auto [first, last] = rules().equal_range(n.op);
    for (auto it = first; it != last; ++it)
      if (opset < it->second->below && it->second->shapes == Shapes::kUsed) return true;
  }
  return false;
}

// Results of shape arithmetic met on the way.
using KnownValues = std::map<ValueId, PartialValue>;

// Shapes are only followed as far as they are known; what is wrong with a node, the validator will say.
void infer_outputs(Graph& graph, NodeId id, KnownValues& known) {
  const Node& n = graph.node(id);
  const OpDecl* decl = find_op(n.domain, n.op);
  if (!decl) return;
  std::vector<const ValueType*> types;
  std::vector<const Tensor*> constants;
  std::vector<const PartialValue*> partials;
  for (ValueId in : n.inputs) {
    const auto it = known.find(in);
    types.push_back(in ? &graph.value(in).type : nullptr);
    constants.push_back(graph.constant(in));
    partials.push_back(it != known.end() ? &it->second : nullptr);
  }
  InferContext context(graph, n, std::move(types), std::move(constants), std::move(partials));
  try {
    infer_node(*decl, context);
  } catch (const Error&) {
    return;
  }
  for (size_t i = 0; i < n.outputs.size() && i < context.outputs.size(); ++i) {
    if (!n.outputs[i]) continue;
    ValueType& type = graph.value(n.outputs[i]).type;
    if (!type.shape) type.shape = context.outputs[i].shape;
    if (type.dtype == DType::kUndefined) type.dtype = context.outputs[i].dtype;
    if (i < context.output_partials.size() && context.output_partials[i])
      known.insert_or_assign(n.outputs[i], std::move(*context.output_partials[i]));
  }
}

void upgrade_graph(Graph& graph, int opset) {
  const bool follow_shapes = needs_shapes(graph, opset);
  KnownValues known;
  const std::vector<NodeId> order(graph.order().begin(), graph.order().end());
  for (NodeId id : order) {
    for (auto& [key, attribute] : graph.node(id).attributes)
      if (auto* body = std::get_if<SubgraphPtr>(&attribute)) upgrade_graph(**body, opset);
    if (!graph.node(id).domain.empty()) continue;
    check_exists(graph, graph.node(id), opset);
    Rewrite rewrite(graph, id, opset);
    if (opset < 6) rewrite.drop("consumed_inputs");  // a hint for in-place work that was given up
    const auto [first, last] = rules().equal_range(std::string(graph.node(id).op));
    for (auto it = first; it != last; ++it)
      if (opset < it->second->below) it->second->apply(rewrite);
    if (follow_shapes)
      for (NodeId touched : rewrite.touched()) infer_outputs(graph, touched, known);
  }
}

}  // namespace

void upgrade_model(Model& model) {
  if (model.source_opset == 0) {  // no operator set of ONNX is imported
    for (NodeId id : model.graph.order())
      check(!model.graph.node(id).domain.empty(), ErrorCode::kMalformed,
            "{}: the model imports no opset for the ONNX operators (domain '')",
            describe(model.graph, model.graph.node(id)));
    return;
  }
  upgrade_graph(model.graph, static_cast<int>(model.source_opset));
}

}  // namespace precis::onnx_io
