// Before:  x: f16 -> Conv(w: f16) -> y: f16      After:  x: f16 -> Cast(f32) -> Conv(w: f32) -> Cast(f16) -> y: f16
// Half-precision models are widened as a whole: constants, casts inside, everything; graph inputs and outputs keep their types
// behind Casts. f32 computes at least as exactly, and quantization starts from the same numbers.
#include <algorithm>

#include "precis/passes/pass_list.h"

namespace precis::passes {
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
  for (NodeId id : g.order()) {
    for (auto& [key, attribute] : g.node(id).attributes) {
      if (auto* t = std::get_if<Tensor>(&attribute); t && t->dtype() == DType::kF16) *t = t->cast(DType::kF32);
      if (key == "to" && g.node(id).is("Cast") && std::get<int64_t>(attribute) == kOnnxFloat16) attribute = kOnnxFloat;
    }
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

PassResult widen_f16(Model& model) {
  Graph& g = model.graph;
  PassResult result;
  for (size_t i = 0; i < g.num_values(); ++i) {
    const Value& v = g.value(ValueId{static_cast<int32_t>(i)});
    if (v.alive && v.type.dtype == DType::kF16 && !v.type.encoded()) ++result.changes;
  }
  if (result.changes == 0) return result;
  widen_constants(g);  // before the interface gets its own casts, which keep their types
  narrow_outputs(g);
  widen_inputs(g);
  for (size_t i = 0; i < g.num_values(); ++i) {
    const ValueId id{static_cast<int32_t>(i)};
    Value& v = g.value(id);
    const bool interface = g.is_input(id) || g.is_output(id);
    if (v.alive && v.type.dtype == DType::kF16 && !interface) v.type.dtype = DType::kF32;
  }
  return result;
}

}  // namespace precis::passes
