// GraphBuilder: see builder.h.
#include "precis/graph/builder.h"

#include "precis/core/text.h"

namespace precis {

GraphBuilder GraphBuilder::before(Graph& graph, NodeId position) {
  GraphBuilder b(graph);
  b.place_ = Place::kBefore;
  b.position_ = position;
  return b;
}

GraphBuilder GraphBuilder::after(Graph& graph, NodeId position) {
  GraphBuilder b = before(graph, position);
  b.place_ = Place::kAfter;
  return b;
}

ValueId GraphBuilder::op(std::string_view op, std::vector<ValueId> inputs, Attributes attributes,
                         std::string name) {
  if (name.empty()) name = to_lower(op.substr(op.rfind(':') + 1));
  return op_outputs(op, std::move(inputs), {std::move(name)}, std::move(attributes))[0];
}

std::vector<ValueId> GraphBuilder::op_outputs(std::string_view op, std::vector<ValueId> inputs,
                                              std::vector<std::string> names, Attributes attributes) {
  Node n;
  if (const size_t colons = op.find("::"); colons != std::string_view::npos) {
    n.domain = op.substr(0, colons);
    op.remove_prefix(colons + 2);
  }
  n.op = op;
  n.inputs = std::move(inputs);
  n.attributes = std::move(attributes);
  for (std::string& name : names)
    n.outputs.push_back(graph_.add_value(graph_.unique_value_name(std::move(name))));
  if (!n.outputs.empty()) n.name = graph_.unique_node_name(graph_.value(n.outputs[0]).name);
  std::vector<ValueId> outputs = n.outputs;
  switch (place_) {
    case Place::kEnd:
      graph_.add_node(std::move(n));
      break;
    case Place::kBefore:
      graph_.insert_node_before(position_, std::move(n));
      break;
    case Place::kAfter:
      position_ = graph_.insert_node_after(position_, std::move(n));
      break;
  }
  return outputs;
}

ValueId GraphBuilder::constant(Tensor tensor, std::string name) {
  return graph_.add_constant(graph_.unique_value_name(std::move(name)), std::move(tensor));
}

ValueId GraphBuilder::ints(std::vector<int64_t> values, std::string name) {
  const Shape shape{static_cast<int64_t>(values.size())};
  return constant(Tensor::from<int64_t>(shape, std::span<const int64_t>(values)), std::move(name));
}

ValueId GraphBuilder::scalar(float value, std::string name) {
  return constant(Tensor::scalar(value), std::move(name));
}

Node conversion_node(const Graph& graph, const char* op, ValueId from, ValueId to) {
  Node n;
  n.domain = "precis";
  n.op = op;
  n.name = graph.unique_node_name(graph.value(from).name + "/" + op);
  n.inputs = {from};
  n.outputs = {to};
  return n;
}

}  // namespace precis
