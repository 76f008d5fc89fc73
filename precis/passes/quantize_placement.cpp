// Placement in four sweeps over the graph: which heavy nodes can run on codes; which values descend from them; which values
// are wanted as codes (backwards from the heavy nodes); which of those are folded into a neighbour. Last, sharing classes.
#include "precis/passes/quantize_placement.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include "precis/core/text.h"
#include "precis/graph/op.h"
#include "precis/passes/override_rules.h"

namespace precis::passes {
namespace {

template <size_t N>
bool one_of(const Node& n, const std::array<std::string_view, N>& ops) {
  return n.domain.empty() && std::find(ops.begin(), ops.end(), n.op) != ops.end();
}

constexpr std::array<std::string_view, 4> kHeavyOps = {"Conv", "ConvTranspose", "Gemm", "MatMul"};
constexpr std::array<std::string_view, 4> kLightOps = {"Add", "Sub", "Mul", "Concat"};
constexpr std::array<std::string_view, 3> kPoolOps = {"AveragePool", "GlobalAveragePool", "ReduceMean"};
constexpr std::array<std::string_view, 13> kTableOps = {"Relu",      "Clip", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh",
                                                        "Gelu",      "Elu",  "Selu",      "Swish",   "Mish",        "Softplus"};
constexpr std::array<std::string_view, 2> kFoldable = {"Relu", "Clip"};

// Data movers on codes; Resize only where it selects elements (nearest), Pad only where it pads with zero.
bool is_mover(const Graph& g, const Node& n) {
  if (!n.domain.empty() || !moves_data_only(g, n)) return false;
  if (n.op == "Pad") {
    if (n.get_string("mode", "constant") != "constant" || !n.input(2)) return true;
    const Tensor* v = g.constant(n.input(2));
    return v != nullptr && v->numel() == 1 && v->at_double(0) == 0;
  }
  if (n.op == "Resize") return n.get_string("mode", "nearest") == "nearest" || n.get_string("mode", "") == "linear";
  if (n.op == "MaxPool") return n.outputs.size() == 1;
  return true;
}

// x * a[c] + b[c] with constant parameters.
bool is_affine(const Graph& g, const Node& n) {
  if (!n.is("BatchNormalization") || n.outputs.size() != 1 || n.get_int("training_mode", 0) != 0) return false;
  for (size_t i = 1; i <= 4; ++i) {
    const Tensor* t = g.constant(n.input(i));
    if (t == nullptr || t->dtype() != DType::kF32) return false;
  }
  return true;
}

// Why an operator that could be computed on codes in principle is not.
std::string why_no_codes(const Node& n) {
  if (n.is("Softmax") || n.is("LogSoftmax")) return "its results need more than 8 bits";
  if (n.is("LRN")) return "it divides by a power of a sum of squares, which 8 bits cannot hold";
  if (n.is("Exp") || n.is("Log") || n.is("Div") || n.is("Pow")) return "its range is too wide for 8 bits";
  return "no integer kernel for this operator";
}

class Placer {
 public:
  Placer(const Graph& g, const QuantizeOptions& options) : g_(g), options_(options), rules_(g, options.rules) {
    p_.roles.assign(g.num_node_slots(), QuantRole::kFloat);
    p_.reasons.assign(g.num_node_slots(), "");
    p_.encoded.assign(g.num_values(), 0);
    from_heavy_.assign(g.num_values(), 0);
    p_.shares_with.resize(g.num_values());
    for (size_t i = 0; i < g.num_values(); ++i) p_.shares_with[i] = ValueId{static_cast<int32_t>(i)};
  }

  Placement run() {
    choose_heavy();
    follow_heavy();
    want_codes();
    fold_activations();
    // One rounding less; only ONNX Runtime needs codes of both operands to sum integers (round_before_sums.h).
    if (options_.target != Target::kOnnxRuntime) fold_residuals();
    share_encodings();
    explain_float_nodes();
    return std::move(p_);
  }

 private:
  char& encoded(ValueId v) { return p_.encoded[static_cast<size_t>(v.index)]; }
  QuantRole& role(NodeId n) { return p_.roles[static_cast<size_t>(n.index)]; }
  bool is_f32_activation(ValueId v) const {
    return v && !g_.value(v).is_constant() && !g_.value(v).captured && g_.value(v).type.dtype == DType::kF32;
  }
  bool is_f32(ValueId v) const { return v && g_.value(v).type.dtype == DType::kF32; }

  // "" when the node can run on codes, else the reason why not.
  std::string heavy_obstacle(NodeId id) const {
    const Node& n = g_.node(id);
    const auto keep = rules_.for_node(id).quantize;
    if (keep && !*keep) return "left in float by a rule";
    if (!is_f32(n.output(0))) return "not a float operator";
    const int slot = weight_slot(g_, n);
    if (slot < 0 && !n.is("MatMul")) return "the weights are computed at run time";
    if (n.is("Gemm")) {
      if (n.get_float("alpha", 1) != 1 || n.get_float("beta", 1) != 1) return "alpha or beta is not 1";
      if (n.get_int("transA", 0) != 0) return "the data operand is transposed";
    }
    if (n.input(2) && !n.is("MatMul")) {
      const Tensor* bias = g_.constant(n.input(2));
      if (bias == nullptr) return "the bias is computed at run time";
      if (bias->numel() != bias->shape().dims().back()) return "the bias is not one value per output channel";
    }
    for (size_t i = 0; i < 2; ++i)
      if (static_cast<int>(i) != slot && !is_f32_activation(n.input(i))) return "the data operand is constant";
    return "";
  }

  void choose_heavy() {
    for (NodeId id : g_.order()) {
      const Node& n = g_.node(id);
      if (!one_of(n, kHeavyOps)) continue;
      std::string obstacle = heavy_obstacle(id);
      if (obstacle.empty())
        role(id) = QuantRole::kHeavy;
      else
        p_.reasons[static_cast<size_t>(id.index)] = std::move(obstacle);
    }
  }

  QuantRole natural_role(NodeId id) const {
    const Node& n = g_.node(id);
    const auto keep = rules_.for_node(id).quantize;
    if ((keep && !*keep) || !is_f32(n.output(0))) return QuantRole::kFloat;
    if (one_of(n, kLightOps)) return QuantRole::kLight;
    if (is_affine(g_, n)) return options_.target == Target::kOpenVino && alone_behind_concat(n) ? QuantRole::kFloat : QuantRole::kAffine;
    if (one_of(n, kPoolOps)) return QuantRole::kPool;
    if (n.is("PRelu")) return slopes_per_channel(n) ? QuantRole::kTable : QuantRole::kFloat;
    if (one_of(n, kTableOps)) return table_limits_constant(n) ? QuantRole::kTable : QuantRole::kFloat;
    return is_mover(g_, n) && is_f32_activation(n.input(0)) ? QuantRole::kMover : QuantRole::kFloat;
  }

  // One slope for all, or one per channel: [C, 1, ...] below the batch.
  bool slopes_per_channel(const Node& n) const {
    const Tensor* slope = g_.constant(n.input(1));
    const SymbolicShape& x = g_.value(n.input(0)).type.shape;
    if (slope == nullptr || !is_f32(n.input(1)) || !x || x->size() < 2) return false;
    const int lead = static_cast<int>(x->size()) - slope->shape().rank();
    return slope->numel() == 1 || (lead >= 0 && lead <= 1 && slope->shape()[1 - lead] == slope->numel());
  }

  bool table_limits_constant(const Node& n) const {
    return !n.is("Clip") || ((!n.input(1) || g_.constant(n.input(1))) && (!n.input(2) || g_.constant(n.input(2))));
  }

  // OpenVINO fails to compile codes of a Concat that nobody else reads where a batch norm makes other codes of them.
  bool alone_behind_concat(const Node& n) const {
    const Node* producer = g_.producer(n.input(0));
    return producer != nullptr && producer->is("Concat") && sole_use(n.input(0));
  }

  void follow_heavy() {
    for (NodeId id : g_.order()) {
      bool from = role(id) == QuantRole::kHeavy;
      if (!from && natural_role(id) != QuantRole::kFloat)
        for (ValueId v : g_.node(id).inputs) from = from || (v && from_heavy_[static_cast<size_t>(v.index)]);
      for (ValueId v : g_.node(id).outputs)
        if (v) from_heavy_[static_cast<size_t>(v.index)] = from;
    }
  }

  bool any_output_wanted(const Node& n) const {
    return std::any_of(n.outputs.begin(), n.outputs.end(), [&](ValueId v) { return p_.is_encoded(v); });
  }

  void want_codes() {
    const auto order = g_.order();
    for (auto it = order.rbegin(); it != order.rend(); ++it) {
      const Node& n = g_.node(*it);
      if (role(*it) == QuantRole::kHeavy) {
        for (size_t i = 0; i < 2; ++i)
          if (is_f32_activation(n.input(i))) encoded(n.input(i)) = 1;
        continue;
      }
      const QuantRole natural = natural_role(*it);
      if (natural == QuantRole::kFloat) continue;
      const bool from = n.output(0) && from_heavy_[static_cast<size_t>(n.output(0).index)];
      const bool wanted = any_output_wanted(n);
      if (natural == QuantRole::kPool ? from : wanted && (from || natural == QuantRole::kMover)) take_role(*it, natural);
    }
  }

  void take_role(NodeId id, QuantRole natural) {
    const Node& n = g_.node(id);
    role(id) = natural;
    const bool first_only = natural != QuantRole::kLight;
    for (size_t i = 0; i < n.inputs.size(); ++i)
      if ((i == 0 || !first_only) && is_f32_activation(n.input(i))) encoded(n.input(i)) = 1;
    if (natural == QuantRole::kMover)  // all parts of a Split share one encoding
      for (ValueId v : n.outputs)
        if (v) encoded(v) = 1;
  }

  bool sole_use(ValueId v) const { return g_.value(v).uses.size() == 1 && !g_.is_output(v); }

  // Relu and Clip whose input is made for them alone by a node that rounds once, at its end: the producer writes their codes.
  void fold_activations() {
    for (NodeId id : g_.order()) {
      if (role(id) != QuantRole::kTable || !one_of(g_.node(id), kFoldable)) continue;
      const ValueId v = g_.node(id).input(0);
      const NodeId producer = g_.value(v).producer;
      if (!producer || !sole_use(v)) continue;
      const bool joins = role(producer) == QuantRole::kLight && !g_.node(producer).is("Concat");
      if (role(producer) != QuantRole::kHeavy && role(producer) != QuantRole::kAffine && !joins) continue;
      encoded(v) = 0;
      role(id) = QuantRole::kFolded;
    }
  }

  // A convolution that feeds a sum alone keeps its result unrounded (fused residual): the later made operand is chosen.
  void fold_residuals() {
    for (NodeId id : g_.order()) {
      const Node& n = g_.node(id);
      if (role(id) != QuantRole::kLight || !n.is("Add")) continue;
      ValueId fused;
      for (ValueId v : n.inputs) {
        const NodeId producer = v ? g_.value(v).producer : NodeId{};
        if (producer && g_.node(producer).is("Conv") && role(producer) == QuantRole::kHeavy && p_.is_encoded(v) && sole_use(v))
          if (!fused || producer > g_.value(fused).producer) fused = v;
      }
      if (fused) encoded(fused) = 0;
    }
  }

  ValueId root(ValueId v) {
    while (p_.primary(v) != v) v = p_.primary(v);
    return v;
  }

  void share_encodings() {
    for (NodeId id : g_.order()) {
      const Node& n = g_.node(id);
      if (role(id) == QuantRole::kMover)
        for (ValueId out : n.outputs)
          if (p_.is_encoded(out) && p_.is_encoded(n.input(0))) p_.shares_with[static_cast<size_t>(out.index)] = root(n.input(0));
    }
    // Inputs that only a Concat reads lose nothing by taking its grid: their codes would be moved onto it anyway.
    const auto order = g_.order();
    for (auto it = order.rbegin(); it != order.rend(); ++it) {
      const Node& n = g_.node(*it);
      if (role(*it) != QuantRole::kLight || !n.is("Concat")) continue;
      for (ValueId v : n.inputs)
        if (p_.is_encoded(v) && sole_use(v) && root(v) == v && root(n.output(0)) != v)
          p_.shares_with[static_cast<size_t>(v.index)] = root(n.output(0));
    }
    for (size_t i = 0; i < p_.shares_with.size(); ++i) p_.shares_with[i] = root(ValueId{static_cast<int32_t>(i)});
  }

  void explain_float_nodes() {
    for (NodeId id : g_.order()) {
      auto& reason = p_.reasons[static_cast<size_t>(id.index)];
      if (role(id) != QuantRole::kFloat || !reason.empty()) continue;
      const auto keep = rules_.for_node(id).quantize;
      if (keep && !*keep) reason = "left in float by a rule";
      else if (!is_f32(g_.node(id).output(0))) reason = "not a float operator";
      else if (natural_role(id) == QuantRole::kFloat)
        reason = is_affine(g_, g_.node(id)) ? "the target cannot take it between codes" : why_no_codes(g_.node(id));
      else reason = "no quantized operator reads its result";
    }
  }

  const Graph& g_;
  const QuantizeOptions& options_;
  RuleMatcher rules_;
  Placement p_;
  std::vector<char> from_heavy_;
};

}  // namespace

int weight_slot(const Graph& graph, const Node& node) {
  if (graph.constant(node.input(1))) return 1;
  if (node.is("MatMul") && graph.constant(node.input(0))) return 0;
  return -1;
}

int weight_axis(const Graph& graph, const Node& node, int slot) {
  const Shape& shape = graph.constant(node.input(static_cast<size_t>(slot)))->shape();
  if (node.is("Conv")) return 0;
  if (node.is("ConvTranspose")) return node.get_int("group", 1) == 1 ? 1 : -1;
  if (node.is("Gemm")) return node.get_int("transB", 0) != 0 ? 0 : 1;
  return slot == 1 && shape.rank() == 2 ? 1 : -1;
}

Placement place_quantization(const Graph& graph, const QuantizeOptions& options) { return Placer(graph, options).run(); }

}  // namespace precis::passes
