// Checks each node by its declaration, then runs its rule and puts the results in the node's place.
#include "precis/onnx/microsoft_expand.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "precis/core/text.h"
#include "precis/graph/op.h"
#include "precis/onnx/microsoft_site.h"

namespace precis::onnx_io {
namespace {

MicrosoftRule rule_for(std::string_view op) {
  static const auto kRules = [] {
    std::map<std::string_view, MicrosoftRule> rules;
    for (const auto family :
         {microsoft_fused_rules(), microsoft_quantized_rules(), microsoft_transformer_rules()})
      for (const MicrosoftEntry& entry : family) rules.emplace(entry.op, entry.rule);
    return rules;
  }();
  const auto it = kRules.find(op);
  return it == kRules.end() ? nullptr : it->second;
}

// ONNX Runtime has one operator of its own in ONNX's domain.
void name_domain(Node& n) {
  if (n.is("SimplifiedLayerNormalization")) n.domain = kMicrosoft;
}

// Shapes and types as far as the model tells: rules ask for ranks. A node that its declaration refuses is
// refused here; what is wrong with ONNX's own operators, the validator says.
void infer_and_check(Graph& graph) {
  const Inference inference = infer_graph(graph, {}, [&](NodeId id, const Error& error) {
    if (graph.node(id).domain == kMicrosoft) throw Error(error);
  });
  for (size_t i = 0; i < inference.types.size(); ++i) {
    Value& v = graph.value(ValueId{static_cast<int32_t>(i)});
    if (!v.alive) continue;
    if (!v.type.shape) v.type.shape = inference.types[i].shape;
    if (v.type.dtype == DType::kUndefined) v.type.dtype = inference.types[i].dtype;
  }
}

// `result` takes the place of `old`, which has lost its producer.
void take_place(Graph& graph, NodeId after, ValueId result, ValueId old, size_t values_before) {
  const NodeId producer = graph.value(result).producer;
  const bool passed_through = static_cast<size_t>(result.index) < values_before || !producer;
  if (passed_through) {
    Node n;
    n.op = "Identity";
    n.name = graph.unique_node_name(graph.value(old).name);
    n.inputs = {result};
    n.outputs = {old};
    graph.insert_node_before(after, std::move(n));
    return;
  }
  const auto& outputs = graph.node(producer).outputs;
  const auto slot = static_cast<size_t>(std::find(outputs.begin(), outputs.end(), result) - outputs.begin());
  graph.replace_uses(result, old);
  graph.set_output(producer, slot, old);
  graph.remove_if_dead(result);
}

void expand(Graph& graph, NodeId id, MicrosoftRule rule) {
  const size_t values_before = graph.num_values();
  const std::vector<ValueId> inputs = graph.node(id).inputs, outputs = graph.node(id).outputs;
  const std::string name = graph.node(id).name;
  MicrosoftSite site(graph, id);
  const std::vector<ValueId> results = rule(site);
  if (results.empty()) return;  // it has become a known form
  for (size_t i = 0; i < outputs.size(); ++i)
    if (site.wants(i) && (i >= results.size() || !results[i]))
      site.unsupported("output {} is not supported", i);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (i >= results.size() || !results[i] || !outputs[i]) continue;
    graph.set_output(id, i, graph.add_value(graph.unique_value_name("replaced")));
    take_place(graph, id, results[i], outputs[i], values_before);
  }
  graph.remove_node(id);
  if (const NodeId last = graph.value(outputs[0]).producer; last && !name.empty())
    graph.rename_node(last, name);
  for (ValueId v : inputs)
    if (v && !graph.value(v).captured) graph.remove_if_dead(v);
}

}  // namespace

int MicrosoftSite::rank(size_t i) const {
  const SymbolicShape& shape = g.value(in(i)).type.shape;
  if (!shape) unsupported("the rank of input {} is not known", i);
  return static_cast<int>(shape->size());
}

const Tensor& MicrosoftSite::required_constant(size_t i) const {
  const Tensor* t = constant(i);
  if (t == nullptr) unsupported("input {} is computed, expected a constant", i);
  return *t;
}

GraphBuilder::Attributes MicrosoftSite::kept(std::initializer_list<const char*> names) const {
  GraphBuilder::Attributes some;
  for (const char* name : names)
    if (const Attribute* a = node().find(name)) some.emplace(name, *a);
  return some;
}

void expand_microsoft(Graph& graph) {
  const std::vector<NodeId> order(graph.order().begin(), graph.order().end());
  bool any = false;
  for (NodeId id : order) {
    for (auto& [key, attribute] : graph.node(id).attributes)
      if (auto* body = std::get_if<SubgraphPtr>(&attribute)) expand_microsoft(**body);
    name_domain(graph.node(id));
    any = any || graph.node(id).domain == kMicrosoft;
  }
  if (!any) return;
  infer_and_check(graph);
  for (NodeId id : order)
    if (graph.node(id).domain == kMicrosoft)
      if (const MicrosoftRule rule = rule_for(graph.node(id).op)) expand(graph, id, rule);
  graph.remove_dead_values();
}

}  // namespace precis::onnx_io
