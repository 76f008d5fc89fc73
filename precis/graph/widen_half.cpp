// See widen_half.h.
#include "precis/graph/widen_half.h"

#include <algorithm>
#include <string_view>

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
    if (auto* t = std::get_if<Tensor>(&attribute); t && t->dtype() == DType::kF16) *t = t->cast(DType::kF32);
    const auto* number = std::get_if<int64_t>(&attribute);
    const bool is_type = std::find(std::begin(kTypeNames), std::end(kTypeNames), key) != std::end(kTypeNames);
    if (number && is_type && *number == kOnnxFloat16) attribute = kOnnxFloat;
  }
}

void widen_inputs(Graph& g) {
  for (ValueId in : g.inputs()) {
    if (g.value(in).type.dtype != DType::kF16 || g.value(in).uses.empty()) continue;
    ValueType type = g.value(in).type;
    type.dtype = DType::kF32;
    const ValueId wide = g.add_value(g.unique_value_name(g.value(in).name + "/f32"), type);
    g.replace_uses_in_nodes(in, wide);
    g.insert_node_before(g.order().front(), cast_node(g, in, wide, kOnnxFloat));
  }
}

void narrow_outputs(Graph& g) {
  std::vector<ValueId> outputs(g.outputs().begin(), g.outputs().end());
  for (ValueId& out : outputs) {
    if (g.value(out).type.dtype != DType::kF16 || g.is_input(out)) continue;
    const std::string name = g.value(out).name;
    g.rename_value(out, g.unique_value_name(name + "/f32"));
    const ValueId narrow = g.add_value(name, g.value(out).type);
    g.add_node(cast_node(g, out, narrow, kOnnxFloat16));
    out = narrow;
  }
  g.set_outputs(outputs);
}

}  // namespace

int64_t widen_half_precision(Graph& g) {
  int64_t found = 0;
  const auto for_each_half = [&](auto&& act) {
    for (size_t i = 0; i < g.num_values(); ++i) {
      const ValueId id{static_cast<int32_t>(i)};
      const Value& v = g.value(id);
      if (v.alive && v.type.dtype == DType::kF16 && !v.type.encoded()) act(id);
    }
  };
  for_each_half([&](ValueId) { ++found; });
  if (found == 0) return 0;
  for (NodeId id : g.order())
    widen_attributes(g.node(id));  // before the interface gets casts of its own, which keep their types
  narrow_outputs(g);
  widen_inputs(g);
  widen_constants(g);  // after the outputs: a constant may be one
  for_each_half([&](ValueId id) {
    if (!g.is_input(id) && !g.is_output(id)) g.value(id).type.dtype = DType::kF32;
  });
  return found;
}

}  // namespace precis
