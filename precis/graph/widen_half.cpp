// See widen_half.h.
#include "precis/graph/widen_half.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "precis/graph/captures.h"

namespace precis {
namespace {

constexpr int64_t kOnnxFloat = 1, kOnnxFloat16 = 10;  // TensorProto.DataType

Node cast_node(const Graph& g, ValueId from, ValueId to, int64_t type) {
  Node n;
  n.op = "Cast";
  n.name = g.unique_node_name(g.value(from).name + "/cast");
  n.inputs = {from};
  n.outputs = {to};
  n.attributes["to"] = type;
  return n;
}

bool is_half(const ValueType& t) {
  return t.element != nullptr ? is_half(*t.element) : t.dtype == DType::kF16 && !t.encoded();
}

void widen_type(ValueType& t) {
  if (t.element == nullptr) {
    t.dtype = DType::kF32;
    return;
  }
  ValueType element = *t.element;
  widen_type(element);
  t.element = std::make_shared<const ValueType>(std::move(element));
}

void widen_constants(Graph& g) {
  for (ValueId v : g.initializers()) {
    Value& value = g.value(v);
    if (value.constant->dtype() != DType::kF16) continue;
    value.constant = value.constant->cast(DType::kF32);
    value.type.dtype = DType::kF32;
  }
}

// Attributes that give an element type (Cast's `to`, EyeLike's `dtype` ...) or are tensors of it.
void widen_attributes(Node& node) {
  constexpr std::string_view kTypeNames[] = {"to", "dtype", "output_dtype"};
  for (auto& [key, attribute] : node.attributes) {
    if (auto* t = std::get_if<ValueType>(&attribute); t && is_half(*t)) widen_type(*t);
    if (auto* t = std::get_if<Tensor>(&attribute); t && t->dtype() == DType::kF16) *t = t->cast(DType::kF32);
    const auto* number = std::get_if<int64_t>(&attribute);
    const bool is_type = std::find(std::begin(kTypeNames), std::end(kTypeNames), key) != std::end(kTypeNames);
    if (number && is_type && *number == kOnnxFloat16) attribute = kOnnxFloat;
  }
}

std::set<std::string> captured_by_bodies(const Graph& g) {
  std::set<std::string> names;
  for (NodeId id : g.order())
    for (std::string& name : captured_names(g.node(id))) names.insert(std::move(name));
  return names;
}

void widen_inputs(Graph& g) {
  const std::set<std::string> captured = captured_by_bodies(g);
  for (ValueId in : g.inputs()) {
    const std::string name = g.value(in).name;
    const bool read = !g.value(in).uses.empty() || captured.count(name) > 0;
    if (g.value(in).type.dtype != DType::kF16 || !read) continue;
    ValueType type = g.value(in).type;
    type.dtype = DType::kF32;
    const ValueId wide = g.add_value(g.unique_value_name(name + "/f32"), type);
    g.replace_uses_in_nodes(in, wide);
    rename_captures(g, name, g.value(wide).name);
    g.insert_node_before(g.order().front(), cast_node(g, in, wide, kOnnxFloat));
  }
}

void narrow_outputs(Graph& g) {
  std::vector<ValueId> outputs(g.outputs().begin(), g.outputs().end());
  for (ValueId& out : outputs) {
    if (g.value(out).type.dtype != DType::kF16 || g.is_input(out)) continue;
    const std::string name = g.value(out).name;
    g.rename_value(out, g.unique_value_name(name + "/f32"));
    rename_captures(g, name, g.value(out).name);
    const ValueId narrow = g.add_value(name, g.value(out).type);
    g.add_node(cast_node(g, out, narrow, kOnnxFloat16));
    out = narrow;
  }
  g.set_outputs(outputs);
}

template <typename Visit>
void for_each_half(Graph& g, const Visit& visit) {
  for (size_t i = 0; i < g.num_values(); ++i) {
    const ValueId id{static_cast<int32_t>(i)};
    if (g.value(id).alive && is_half(g.value(id).type)) visit(id);
  }
}

int64_t widen_bodies(Graph& g);

// Everything in a body, its inputs and outputs too: what goes in and comes out is wide.
int64_t widen_body(Graph& g) {
  for (NodeId id : g.order()) widen_attributes(g.node(id));
  int64_t found = widen_bodies(g);
  widen_constants(g);
  for_each_half(g, [&](ValueId id) {
    widen_type(g.value(id).type);
    ++found;
  });
  return found;
}

int64_t widen_bodies(Graph& g) {
  int64_t found = 0;
  for (NodeId id : g.order())
    for (auto& [key, attribute] : g.node(id).attributes)
      if (auto* body = std::get_if<SubgraphPtr>(&attribute)) found += widen_body(**body);
  return found;
}

// Sequences of the interface cannot be cast.
bool has_half_sequences(const Graph& g) {
  const auto is_one = [&](ValueId v) {
    return is_container(g.value(v).type.dtype) && is_half(g.value(v).type);
  };
  return std::any_of(g.inputs().begin(), g.inputs().end(), is_one) ||
         std::any_of(g.outputs().begin(), g.outputs().end(), is_one);
}

}  // namespace

int64_t widen_half_precision(Graph& g) {
  if (has_half_sequences(g)) return 0;
  int64_t found = widen_bodies(g);
  for_each_half(g, [&](ValueId) { ++found; });
  if (found == 0) return 0;
  for (NodeId id : g.order())
    widen_attributes(g.node(id));  // before the interface gets casts of its own, which keep their types
  narrow_outputs(g);
  widen_inputs(g);
  widen_constants(g);  // after the outputs: a constant may be one
  for_each_half(g, [&](ValueId id) {
    if (!g.is_input(id) && !g.is_output(id)) widen_type(g.value(id).type);
  });
  return found;
}

}  // namespace precis
