// Graph: editing. Every function keeps use lists, producers, names and the order true.
#include <algorithm>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/graph/graph.h"

namespace precis {

void Graph::add_use(ValueId id, Use use) {
  std::vector<Use>& uses = value(id).uses;
  if (uses.empty() || uses.back() < use)
    uses.push_back(use);
  else
    uses.insert(std::lower_bound(uses.begin(), uses.end(), use), use);
}

void Graph::remove_use(ValueId id, Use use) {
  std::vector<Use>& uses = value(id).uses;
  const auto it = std::lower_bound(uses.begin(), uses.end(), use);
  if (it == uses.end() || *it != use)
    fail(ErrorCode::kInternal, "value '{}' has no use by node {} slot {}", printable(value(id).name),
         use.node.index, use.slot);
  uses.erase(it);
}

void Graph::set_input(NodeId node_id, size_t slot, ValueId new_input) {
  if (new_input) check_value(new_input);
  Node& n = node(node_id);
  if (slot >= n.inputs.size()) n.inputs.resize(slot + 1);
  const Use use{node_id, static_cast<int32_t>(slot)};
  if (n.inputs[slot] == new_input) return;
  if (n.inputs[slot]) remove_use(n.inputs[slot], use);
  n.inputs[slot] = new_input;
  if (new_input) add_use(new_input, use);
}

void Graph::set_inputs(NodeId node_id, std::vector<ValueId> inputs) {
  for (size_t slot = inputs.size(); slot < node(node_id).inputs.size(); ++slot) set_input(node_id, slot, {});
  node(node_id).inputs.resize(inputs.size());
  for (size_t slot = 0; slot < inputs.size(); ++slot) set_input(node_id, slot, inputs[slot]);
}

void Graph::set_output(NodeId node_id, size_t slot, ValueId new_output) {
  Node& n = node(node_id);
  if (new_output) {
    check_value(new_output);
    const Value& v = value(new_output);
    if (v.producer || v.constant || v.captured || v.input)
      fail(ErrorCode::kInternal, "{} cannot write '{}': it already has an origin", describe(n),
           printable(v.name));
    value(new_output).producer = node_id;
  }
  if (slot >= n.outputs.size()) n.outputs.resize(slot + 1);
  if (n.outputs[slot]) value(n.outputs[slot]).producer = {};
  n.outputs[slot] = new_output;
}

void Graph::replace_uses_in_nodes(ValueId from, ValueId to) {
  check_value(from);
  check_value(to);
  if (from == to) return;
  std::vector<Use> moved = std::move(value(from).uses);
  value(from).uses.clear();
  for (const Use& use : moved) node(use.node).inputs[static_cast<size_t>(use.slot)] = to;
  std::vector<Use>& uses = value(to).uses;
  const auto middle = static_cast<std::ptrdiff_t>(uses.size());
  uses.insert(uses.end(), moved.begin(), moved.end());
  std::inplace_merge(uses.begin(), uses.begin() + middle, uses.end());
}

void Graph::replace_uses(ValueId from, ValueId to) {
  replace_uses_in_nodes(from, to);
  if (from == to || !is_output(from)) return;
  for (ValueId& out : outputs_)
    if (out == from) out = to;
  output_counts_[static_cast<size_t>(to.index)] += output_counts_[static_cast<size_t>(from.index)];
  output_counts_[static_cast<size_t>(from.index)] = 0;
}

void Graph::rename_value(ValueId id, std::string new_name) {
  check_value(id);
  Value& v = value(id);
  if (v.name == new_name) return;
  if (new_name.empty() || !by_name_.emplace(new_name, id).second)
    fail(ErrorCode::kInternal, "cannot rename value '{}' to '{}': the name is taken", printable(v.name),
         printable(new_name));
  by_name_.erase(v.name);
  v.name = std::move(new_name);
}

void Graph::rename_node(NodeId id, std::string new_name) {
  node_names_.insert(new_name);
  node(id).name = std::move(new_name);
}

void Graph::remove_node(NodeId id) {
  Node& n = node(id);
  if (!n.alive) fail(ErrorCode::kInternal, "{} is removed twice", describe(n));
  for (size_t slot = 0; slot < n.inputs.size(); ++slot)
    if (n.inputs[slot]) remove_use(n.inputs[slot], {id, static_cast<int32_t>(slot)});
  for (ValueId out : n.outputs)
    if (out) value(out).producer = {};
  n.alive = false;
  node_names_.erase(n.name);
  unlink(id);
}

void Graph::remove_nodes(std::span<const NodeId> ids) {
  std::vector<ValueId> touched;
  for (NodeId id : ids) {
    Node& n = node(id);
    if (!n.alive) fail(ErrorCode::kInternal, "{} is removed twice", describe(n));
    for (ValueId in : n.inputs)
      if (in) touched.push_back(in);
    for (ValueId out : n.outputs)
      if (out) value(out).producer = {};
    n.alive = false;
    node_names_.erase(n.name);
    unlink(id);
  }
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  for (ValueId id : touched)
    std::erase_if(value(id).uses, [this](const Use& use) { return !node(use.node).alive; });
}

void Graph::set_constant(ValueId id, Tensor tensor) {
  check_value(id);
  Value& v = value(id);
  if (!v.constant) fail(ErrorCode::kInternal, "'{}' is not an initializer", printable(v.name));
  if (!v.type.encoded()) v.type.dtype = tensor.dtype();
  if (tensor.dtype() != v.type.storage_dtype())
    fail(ErrorCode::kInternal, "constant '{}' holds {} but its type needs {}", printable(v.name),
         dtype_name(tensor.dtype()), dtype_name(v.type.storage_dtype()));
  v.type.shape = symbolic(tensor.shape());
  v.constant = std::move(tensor);
}

void Graph::set_input_type(size_t index, ValueType type) { value(inputs_[index]).type = std::move(type); }

void Graph::capture_inputs(size_t count) {
  for (size_t i = inputs_.size() - count; i < inputs_.size(); ++i) {
    value(inputs_[i]).input = false;
    value(inputs_[i]).captured = true;
  }
  inputs_.resize(inputs_.size() - count);
}

void Graph::remove_if_dead(ValueId id) {
  Value& v = value(id);
  if (!v.alive || v.producer || !v.uses.empty() || v.input || is_output(id)) return;
  by_name_.erase(v.name);
  v.alive = false;
  v.constant.reset();
}

void Graph::remove_dead_values() {
  std::unordered_set<std::string> captured;
  for (NodeId id : order())
    for (std::string& s : captured_names(node(id))) captured.insert(std::move(s));
  for (size_t i = 0; i < values_.size(); ++i)
    if (captured.count(values_[i].name) == 0) remove_if_dead(ValueId{static_cast<int32_t>(i)});
}

}  // namespace precis
