// The runner of the upgrade rules.
#include "precis/onnx/opset_upgrade.h"

#include <algorithm>
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
  return std::any_of(graph.order().begin(), graph.order().end(),
                     [&](NodeId id) { return upgrade_uses_shapes(graph.node(id).op, opset); });
}

// Shapes are only followed as far as they are known; what is wrong with a node, the validator will say.
void infer_outputs(Graph& graph, NodeId id, std::map<ValueId, PartialValue>& known) {
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
  NodeUpgrade upgrade(graph, needs_shapes(graph, opset));
  const std::vector<NodeId> order(graph.order().begin(), graph.order().end());
  for (NodeId id : order) upgrade.run(id, opset);
}

}  // namespace

bool upgrade_uses_shapes(std::string_view op, int opset) {
  const auto [first, last] = rules().equal_range(op);
  return std::any_of(first, last, [&](const auto& rule) {
    return opset < rule.second->below && rule.second->shapes == Shapes::kUsed;
  });
}

void NodeUpgrade::run(NodeId id, int opset) {
  for (auto& [key, attribute] : graph_.node(id).attributes)
    if (auto* body = std::get_if<SubgraphPtr>(&attribute)) upgrade_graph(**body, opset);
  if (!graph_.node(id).domain.empty()) return;
  check_exists(graph_, graph_.node(id), opset);
  Rewrite rewrite(graph_, id, opset);
  if (opset < 6) rewrite.drop("consumed_inputs");  // a hint for in-place work that was given up
  const auto [first, last] = rules().equal_range(std::string(graph_.node(id).op));
  for (auto it = first; it != last; ++it)
    if (opset < it->second->below) it->second->apply(rewrite);
  for (NodeId touched : rewrite.touched()) follow(touched);
}

void NodeUpgrade::follow(NodeId id) {
  if (follow_shapes_) infer_outputs(graph_, id, known_);
}

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
