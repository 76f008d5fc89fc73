// See the header. One row of the table per operator; what its kind needs, below.
#include "precis/passes/permuted_nodes.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <string_view>

#include "precis/graph/builder.h"
#include "precis/graph/evaluate.h"

namespace precis::passes {
namespace {

enum class Kind : uint8_t {
  kUnary,        // of input 0; other inputs are scalars
  kElementwise,  // of all inputs, which broadcast
  kAxis,         // attribute `axis`; data in input 0 (Concat: in all)
  kReduce,       // axes in input 1
  kPad,
  kSlice,
};

const std::map<std::string_view, Kind>& kinds() {
  static const std::map<std::string_view, Kind> table = [] {
    std::map<std::string_view, Kind> t;
    for (const char* op : {"Abs",       "Cast",     "Ceil",      "Celu",
                           "Clip",      "Cos",      "Elu",       "Erf",
                           "Exp",       "Floor",    "Gelu",      "HardSigmoid",
                           "HardSwish", "Identity", "LeakyRelu", "Log",
                           "Mish",      "Neg",      "Not",       "Reciprocal",
                           "Relu",      "Round",    "Selu",      "Sigmoid",
                           "Sign",      "Sin",      "Softplus",  "Softsign",
                           "Sqrt",      "Swish",    "Tanh",      "ThresholdedRelu"})
      t[op] = Kind::kUnary;
    for (const char* op : {"Add", "And", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual",
                           "Max", "Mean", "Min", "Mul", "Or", "PRelu", "Pow", "Sub", "Sum", "Where"})
      t[op] = Kind::kElementwise;
    for (const char* op : {"Concat", "LogSoftmax", "Softmax", "Split", "QuantizeLinear", "DequantizeLinear"})
      t[op] = Kind::kAxis;
    for (const char* op : {"ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
                           "ReduceSum", "ReduceSumSquare"})
      t[op] = Kind::kReduce;
    t["Pad"] = Kind::kPad;
    t["Slice"] = Kind::kSlice;
    return t;
  }();
  return table;
}

std::optional<Kind> kind_of(const Node& n) {
  const auto it = n.domain.empty() ? kinds().find(n.op) : kinds().end();
  return it == kinds().end() ? std::nullopt : std::optional(it->second);
}

bool has_rank(const Graph& g, ValueId v, size_t rank) {
  return v && g.value(v).type.shape && g.value(v).type.shape->size() == rank;
}

const Tensor* plain_constant(const Graph& g, ValueId v) {
  return v && !g.value(v).type.encoded() ? g.constant(v) : nullptr;
}

bool are_scalars(const Graph& g, const Node& n, size_t first) {
  for (size_t i = first; i < n.inputs.size(); ++i)
    if (const Tensor* t = g.constant(n.inputs[i]); n.inputs[i] && (t == nullptr || t->numel() != 1))
      return false;
  return true;
}

// Data of full rank, and constants of at most that, which are laid out anew.
std::vector<size_t> elementwise_inputs(const Graph& g, const Node& n, size_t rank) {
  std::vector<size_t> data;
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    if (const Tensor* t = plain_constant(g, n.inputs[i])) {
      if (t->shape().rank() > static_cast<int>(rank)) return {};
    } else if (has_rank(g, n.inputs[i], rank)) {
      data.push_back(i);
    } else {
      return {};
    }
  }
  return data;
}

// Scales of QuantizeLinear and DequantizeLinear: one, or one per element of `axis`, but no blocks.
bool are_scales(const Graph& g, const Node& n) {
  const Tensor* scale = g.constant(n.input(1));
  return scale != nullptr && scale->shape().rank() <= 1 && n.get_int("block_size", 0) == 0;
}

std::vector<size_t> axis_inputs(const Graph& g, const Node& n, size_t rank) {
  std::vector<size_t> data = {0};
  if (n.is("Concat")) {
    data.resize(n.inputs.size());
    std::iota(data.begin(), data.end(), size_t{0});
  }
  const bool scales = n.is("QuantizeLinear") || n.is("DequantizeLinear");
  const bool fits =
      std::all_of(data.begin(), data.end(), [&](size_t i) { return has_rank(g, n.inputs[i], rank); });
  return fits && (!scales || are_scales(g, n)) ? data : std::vector<size_t>{};
}

bool has_fixed_parameters(const Graph& g, const Node& n, Kind kind) {
  if (kind == Kind::kReduce) return plain_constant(g, n.input(1)) != nullptr && n.get_int("keepdims", 1) == 1;
  if (kind == Kind::kPad) return plain_constant(g, n.input(1)) != nullptr && !n.input(3);
  return plain_constant(g, n.input(3)) != nullptr;  // Slice
}

int64_t renamed(const Permutation& perm, int64_t axis) {
  return perm[static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(perm.size()) : axis)];
}

void rename_axes_input(Graph& g, NodeId id, size_t slot, const Permutation& perm) {
  std::vector<int64_t> axes = to_int64s(*g.constant(g.node(id).inputs[slot]), "axes");
  for (int64_t& a : axes) a = renamed(perm, a);
  const std::string name = g.value(g.node(id).inputs[slot]).name;
  g.set_input(id, slot, GraphBuilder(g).ints(std::move(axes), name + "/permuted"));
}

void reorder_pads(Graph& g, NodeId id, const Permutation& perm) {
  const std::vector<int64_t> pads = to_int64s(*g.constant(g.node(id).inputs[1]), "pads");
  std::vector<int64_t> moved(pads.size());
  for (size_t i = 0; i < perm.size(); ++i)
    for (size_t end : {size_t{0}, perm.size()}) moved[static_cast<size_t>(perm[i]) + end] = pads[i + end];
  g.set_input(id, 1,
              GraphBuilder(g).ints(std::move(moved), g.value(g.node(id).inputs[1]).name + "/permuted"));
}

Permutation inverse(const Permutation& perm) {
  Permutation back(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) back[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return back;
}

// A constant that broadcasts to permuted data, for the data before that.
void lay_out_constant(Graph& g, NodeId id, size_t slot, const Permutation& perm) {
  const ValueId v = g.node(id).inputs[slot];
  const Tensor& t = *g.constant(v);
  if (t.numel() == 1) return;
  std::vector<int64_t> dims(perm.size() - static_cast<size_t>(t.shape().rank()), 1);
  dims.insert(dims.end(), t.shape().begin(), t.shape().end());
  const Tensor full = t.reshaped(Shape(std::move(dims)));
  Node turn;
  turn.op = "Transpose";
  turn.inputs = turn.outputs = {v};  // one of each; which ones does not matter
  turn.attributes["perm"] = inverse(perm);
  const std::string name = g.value(v).name + "/permuted";
  if (const auto moved = evaluate_node(turn, std::span(&full, 1), UINT64_MAX)) {
    g.set_input(id, slot, GraphBuilder(g).constant((*moved)[0], name));
    return;
  }
  GraphBuilder b = GraphBuilder::before(g, id);  // nobody evaluates here: at run time then
  g.set_input(id, slot, b.op("Transpose", {b.constant(full, name)}, {{"perm", inverse(perm)}}));
}

// The codes of the result are not those of the data at other places: they are made here, or their scales go
// along a dimension, which moves.
bool is_quantization_point(const ValueType& result, const ValueType& data) {
  return result.encoded() && (result.encoding != data.encoding || !result.encoding.per_tensor());
}

}  // namespace

std::optional<Permutation> permutation_of(const Graph& g, const Node& n) {
  if (!n.is("Transpose") || !n.output(0)) return std::nullopt;
  if (is_quantization_point(g.value(n.output(0)).type, g.value(n.input(0)).type)) return std::nullopt;
  Permutation perm = n.get_ints("perm");
  if (!perm.empty()) return perm;
  const SymbolicShape& x = g.value(n.inputs[0]).type.shape;
  if (!x) return std::nullopt;
  perm.resize(x->size());
  std::iota(perm.rbegin(), perm.rend(), int64_t{0});
  return perm;
}

bool is_identity(const Permutation& perm) { return std::is_sorted(perm.begin(), perm.end()); }

Permutation combined(const Permutation& first, const Permutation& second) {
  Permutation both;
  for (int64_t d : second) both.push_back(first[static_cast<size_t>(d)]);
  return both;
}

std::vector<size_t> permutable_inputs(const Graph& g, const Node& n, const Permutation& perm) {
  const auto kind = kind_of(n);
  const size_t rank = perm.size();
  if (!kind) return {};
  for (ValueId v : n.outputs)
    if (v && (!has_rank(g, v, rank) || (g.value(v).type.encoded() && !g.value(v).type.encoding.per_tensor())))
      return {};
  if (*kind == Kind::kElementwise) return elementwise_inputs(g, n, rank);
  if (*kind == Kind::kAxis) return axis_inputs(g, n, rank);
  if (!has_rank(g, n.input(0), rank)) return {};
  const bool fits = *kind == Kind::kUnary ? are_scalars(g, n, 1) : has_fixed_parameters(g, n, *kind);
  return fits ? std::vector<size_t>{0} : std::vector<size_t>{};
}

void rename_axes(Graph& g, NodeId id, const Permutation& perm) {
  const Kind kind = *kind_of(g.node(id));
  Node& n = g.node(id);
  if (kind == Kind::kAxis) {
    const int64_t usual = n.is("Softmax") || n.is("LogSoftmax") ? -1 : n.is("Split") ? 0 : 1;
    n.attributes["axis"] = renamed(perm, n.get_int("axis", usual));
  }
  if (kind == Kind::kReduce) rename_axes_input(g, id, 1, perm);
  if (kind == Kind::kSlice) rename_axes_input(g, id, 3, perm);
  if (kind == Kind::kPad) reorder_pads(g, id, perm);
  if (kind != Kind::kElementwise) return;
  for (size_t i = 0; i < n.inputs.size(); ++i)
    if (g.value(n.inputs[i]).is_constant()) lay_out_constant(g, id, i, perm);
}

}  // namespace precis::passes
