// The helpers of Rewrite.
#include "precis/onnx/upgrade_rules.h"

#include <algorithm>

namespace precis::onnx_io {

SymbolicShape Rewrite::shape(size_t i) const {
  const ValueId id = graph_.node(id_).input(i);
  return id ? graph_.value(id).type.shape : std::nullopt;
}

DType Rewrite::dtype(size_t i) const {
  const ValueId id = graph_.node(id_).input(i);
  return id ? graph_.value(id).type.dtype : DType::kUndefined;
}

std::string Rewrite::added_name(const char* what) const {
  const Node& n = graph_.node(id_);
  for (ValueId out : n.outputs)
    if (out) return graph_.value(out).name + "/" + what;
  return n.op + "/" + what;
}

void Rewrite::set_constant_input(size_t slot, Tensor tensor, const char* what) {
  const ValueId id = graph_.add_constant(graph_.unique_value_name(added_name(what)), std::move(tensor));
  graph_.set_input(id_, slot, id);
}

void Rewrite::ints_to_input(const char* attribute, size_t slot) {
  const auto values = take<std::vector<int64_t>>(attribute);
  if (!values) return;
  const Shape shape{static_cast<int64_t>(values->size())};
  set_constant_input(slot, Tensor::from<int64_t>(shape, *values), attribute);
}

ValueId Rewrite::before(const char* op, std::vector<ValueId> inputs,
                        std::map<std::string, Attribute> attributes, const char* what) {
  const ValueId out = graph_.add_value(graph_.unique_value_name(added_name(what)));
  Node n;
  n.op = op;
  n.name = graph_.unique_node_name(graph_.value(out).name);
  n.inputs = std::move(inputs);
  n.outputs = {out};
  n.attributes = std::move(attributes);
  const NodeId id = graph_.insert_node_before(id_, std::move(n));
  touched_.insert(std::find(touched_.begin(), touched_.end(), id_), id);
  return out;
}

void Rewrite::after(const char* op, std::vector<ValueId> more_inputs,
                    std::map<std::string, Attribute> attributes, const char* what) {
  const ValueId old = graph_.node(id_).output(0);
  check(static_cast<bool>(old), ErrorCode::kMalformed, "{} has no output 0; name it",
        describe(graph_, graph_.node(id_)));
  const ValueId inner = graph_.add_value(graph_.unique_value_name(added_name(what)));
  graph_.set_output(id_, 0, inner);
  Node n;
  n.op = op;
  n.name = graph_.unique_node_name(graph_.value(inner).name);
  n.inputs = std::move(more_inputs);
  n.inputs.insert(n.inputs.begin(), inner);
  n.outputs = {old};
  n.attributes = std::move(attributes);
  touched_.push_back(graph_.insert_node_after(id_, std::move(n)));
}

void Rewrite::unsupported(const std::string& why) const {
  fail(ErrorCode::kUnsupported, "{} of opset {}: {}", describe(graph_, graph_.node(id_)), opset_, why);
}

}  // namespace precis::onnx_io
