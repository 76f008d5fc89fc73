// Graph: reading, and building with the rules that keep names unique and producers single.
#include "precis/graph/graph.h"

#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis {
namespace {

// The first of base, base_1, base_2 ... for which taken() is false. Counts by doubling and halving, so that a
// million names on one base stay cheap; with gaps in the numbering the name found is free but not always the
// lowest.
template <typename Taken>
std::string first_free(const std::string& base, const Taken& taken) {
  if (!base.empty() && !taken(base)) return base;
  const auto nth = [&](uint64_t n) { return base + "_" + fmt::to_string(n); };
  uint64_t high = 1;
  while (taken(nth(high))) high *= 2;
  uint64_t low = high / 2;  // taken, or 0
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    (taken(nth(middle)) ? low : high) = middle;
  }
  return nth(high);
}

// Where a value that already has an origin comes from, for the message about its second producer.
std::string origin(const Graph& graph, ValueId id) {
  const Value& v = graph.value(id);
  if (v.producer) return describe(graph, graph.node(v.producer));
  if (v.constant) return "an initializer";
  if (v.captured) return "the enclosing graph";
  return v.input ? "the graph's inputs" : "an earlier declaration";
}

}  // namespace

std::vector<ValueId> Graph::initializers() const {
  std::vector<ValueId> ids;
  for (size_t i = 0; i < values_.size(); ++i)
    if (values_[i].alive && values_[i].constant) ids.push_back(ValueId{static_cast<int32_t>(i)});
  return ids;
}

ValueId Graph::find_value(std::string_view value_name) const {
  const auto it = by_name_.find(std::string(value_name));
  return it == by_name_.end() ? ValueId{} : it->second;
}

bool Graph::is_output(ValueId id) const { return id && output_counts_[static_cast<size_t>(id.index)] > 0; }

bool Graph::is_input(ValueId id) const { return id && value(id).input; }

const Tensor* Graph::constant(ValueId id) const {
  if (!id) return nullptr;
  const Value& v = value(id);
  return v.constant ? &*v.constant : nullptr;
}

const Node* Graph::producer(ValueId id) const {
  if (!id || !value(id).producer) return nullptr;
  return &node(value(id).producer);
}

ValueId Graph::new_value(Value v) {
  if (v.name.empty())
    fail(ErrorCode::kMalformed, "graph '{}': a value has an empty name; give it one", printable(name));
  const ValueId id{static_cast<int32_t>(values_.size())};
  const auto [it, fresh] = by_name_.emplace(v.name, id);
  if (!fresh)
    fail(ErrorCode::kMalformed,
         "graph '{}': value '{}' is defined twice (it already comes from {}); names of values must be unique",
         printable(name), printable(v.name), origin(*this, it->second));
  values_.push_back(std::move(v));
  output_counts_.push_back(0);
  return id;
}

ValueId Graph::add_input(std::string value_name, ValueType type) {
  Value v;
  v.name = std::move(value_name);
  v.type = std::move(type);
  v.input = true;
  const ValueId id = new_value(std::move(v));
  inputs_.push_back(id);
  return id;
}

ValueId Graph::add_constant(std::string value_name, Tensor tensor) {
  ValueType type;
  type.dtype = tensor.dtype();
  type.shape = symbolic(tensor.shape());
  return add_encoded_constant(std::move(value_name), std::move(tensor), std::move(type));
}

ValueId Graph::add_encoded_constant(std::string value_name, Tensor codes, ValueType type) {
  if (!codes.defined()) fail(ErrorCode::kInternal, "constant '{}' has no contents", printable(value_name));
  if (codes.dtype() != type.storage_dtype())
    fail(ErrorCode::kInternal, "constant '{}' holds {} but its type needs {}", printable(value_name),
         dtype_name(codes.dtype()), dtype_name(type.storage_dtype()));
  Value v;
  v.name = std::move(value_name);
  v.type = std::move(type);
  if (!v.type.shape) v.type.shape = symbolic(codes.shape());
  v.constant = std::move(codes);
  return new_value(std::move(v));
}

ValueId Graph::add_captured(std::string value_name) {
  Value v;
  v.name = std::move(value_name);
  v.captured = true;
  return new_value(std::move(v));
}

ValueId Graph::add_value(std::string value_name, ValueType type) {
  Value v;
  v.name = std::move(value_name);
  v.type = std::move(type);
  return new_value(std::move(v));
}

void Graph::set_outputs(std::vector<ValueId> outputs) {
  for (ValueId id : outputs) check_value(id);
  for (ValueId id : outputs_) --output_counts_[static_cast<size_t>(id.index)];
  outputs_ = std::move(outputs);
  for (ValueId id : outputs_) ++output_counts_[static_cast<size_t>(id.index)];
}

void Graph::check_value(ValueId id) const {
  if (id.index < 0 || static_cast<size_t>(id.index) >= values_.size() || !value(id).alive)
    fail(ErrorCode::kInternal, "value id {} is not in graph '{}'", id.index, printable(name));
}

// Makes `id` the producer of the outputs; on failure nothing is changed.
void Graph::claim_outputs(NodeId id, const Node& n) {
  for (size_t i = 0; i < n.outputs.size(); ++i) {
    const ValueId out = n.outputs[i];
    if (!out) continue;
    Value& v = value(out);
    if (v.producer || v.constant || v.captured || v.input) [[unlikely]] {
      const bool twice = v.producer == id;
      const std::string from = twice ? "the same node" : origin(*this, out);
      for (size_t k = 0; k < i; ++k)
        if (n.outputs[k]) value(n.outputs[k]).producer = {};
      fail(ErrorCode::kMalformed, "{} writes '{}', which already comes from {}; every value has one origin",
           describe(n), printable(v.name), from);
    }
    v.producer = id;
  }
}

NodeId Graph::new_node(Node n) {
  for (ValueId in : n.inputs)
    if (in) check_value(in);
  for (ValueId out : n.outputs)
    if (out) check_value(out);
  const NodeId id{static_cast<int32_t>(nodes_.size())};
  claim_outputs(id, n);
  n.alive = true;
  if (!n.name.empty()) node_names_.insert(n.name);
  nodes_.push_back(std::move(n));
  links_.emplace_back();
  const Node& kept = nodes_.back();
  for (size_t slot = 0; slot < kept.inputs.size(); ++slot)
    if (kept.inputs[slot]) add_use(kept.inputs[slot], {id, static_cast<int32_t>(slot)});
  return id;
}

NodeId Graph::add_node(Node n) {
  const NodeId id = new_node(std::move(n));
  link_before(-1, id);
  return id;
}

NodeId Graph::insert_node_before(NodeId position, Node n) {
  if (!node(position).alive) fail(ErrorCode::kInternal, "insert before a removed node");
  const NodeId id = new_node(std::move(n));
  link_before(position.index, id);
  return id;
}

NodeId Graph::insert_node_after(NodeId position, Node n) {
  if (!node(position).alive) fail(ErrorCode::kInternal, "insert after a removed node");
  const NodeId id = new_node(std::move(n));
  link_before(links_[static_cast<size_t>(position.index)].next, id);
  return id;
}

std::string Graph::unique_value_name(std::string base) const {
  return first_free(base, [this](const std::string& s) { return by_name_.count(s) > 0; });
}

std::string Graph::unique_node_name(std::string base) const {
  return first_free(base, [this](const std::string& s) { return node_names_.count(s) > 0; });
}

}  // namespace precis
