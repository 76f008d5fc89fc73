// Fusion by following single uses from each convolution or matrix product.
#include "precis/runtime/fusion.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "precis/runtime/channel_shuffle.h"

namespace precis::runtime {
namespace {

using onednn::Function;

std::optional<float> scalar_constant(const Graph& graph, ValueId id) {
  const Tensor* t = graph.constant(id);
  if (t == nullptr || t->dtype() != DType::kF32 || t->numel() != 1 || graph.value(id).type.encoded())
    return std::nullopt;
  return t->data<float>()[0];
}

std::optional<Activation> clip_of(const Graph& graph, const Node& node) {
  float lo = -INFINITY, hi = INFINITY;
  for (size_t i = 1; i <= 2; ++i) {
    if (!node.input(i)) continue;
    const auto bound = scalar_constant(graph, node.inputs[i]);
    if (!bound) return std::nullopt;
    (i == 1 ? lo : hi) = *bound;
  }
  if (std::isnan(lo) || std::isnan(hi)) return std::nullopt;
  return Activation{{Function::kClip, lo, hi}};
}

std::optional<Activation> simple_function(const Node& node) {
  if (node.is("Relu")) return Activation{{Function::kRelu, 0, 0}};
  if (node.is("LeakyRelu")) return Activation{{Function::kRelu, node.get_float("alpha", 0.01f), 0}};
  if (node.is("Elu")) return Activation{{Function::kElu, node.get_float("alpha", 1.0f), 0}};
  if (node.is("Sigmoid")) return Activation{{Function::kSigmoid, 0, 0}};
  if (node.is("Tanh")) return Activation{{Function::kTanh, 0, 0}};
  if (node.is("HardSwish")) return Activation{{Function::kHardSwish, 0, 0}};
  if (node.is("Swish")) return Activation{{Function::kSwish, node.get_float("alpha", 1.0f), 0}};
  if (node.is("Abs")) return Activation{{Function::kAbs, 0, 0}};
  if (node.is("Sqrt")) return Activation{{Function::kSqrt, 0, 0}};
  if (node.is("Exp")) return Activation{{Function::kExp, 0, 0}};
  if (node.is("Neg")) return Activation{{Function::kLinear, -1, 0}};
  if (node.is("Gelu")) {
    const bool tanh = node.get_string("approximate", "none") == "tanh";
    return Activation{{tanh ? Function::kGeluTanh : Function::kGelu, 0, 0}};
  }
  if (node.is("HardSigmoid"))
    return Activation{{Function::kLinear, node.get_float("alpha", 0.2f), node.get_float("beta", 0.5f)},
                      {Function::kClip, 0, 1}};
  return std::nullopt;
}

bool is_weighted(const Node& node) {
  return node.is("Conv") || node.is("ConvTranspose") || node.is("Gemm") || node.is("MatMul");
}

class Fuser {
 public:
  Fuser(const Graph& graph, const std::set<ValueId>& kept) : graph_(graph), kept_(kept) {
    taken_.resize(graph.num_node_slots(), false);
    position_.resize(graph.num_node_slots(), 0);
  }

  std::vector<FusedOp> run() {
    const auto order = graph_.order();
    for (size_t i = 0; i < order.size(); ++i) position_[index(order[i])] = i;
    for (NodeId id : order) find_dynamic_chain(id);
    std::vector<FusedOp> ops;
    for (NodeId id : order) {
      if (taken_[index(id)]) continue;
      FusedOp op;
      op.node = id;
      op.outputs = graph_.node(id).outputs;
      taken_[index(id)] = true;
      op.chain = chain_at(id);
      if (const auto dynamic = dynamic_.find(id); dynamic != dynamic_.end())
        take_dynamic_chain(op, dynamic->second);
      else if (op.chain)
        take_chain(op);
      else if (is_weighted(graph_.node(id)) || is_plain_norm(graph_.node(id)))
        extend(op);
      else if (graph_.node(id).is("Reshape"))
        take_shuffle(op);
      ops.push_back(std::move(op));
    }
    // An op runs where its last node stood: by then all of its inputs exist.
    std::stable_sort(ops.begin(), ops.end(), [&](const FusedOp& a, const FusedOp& b) {
      return position_[index(last_node(a))] < position_[index(last_node(b))];
    });
    return ops;
  }

 private:
  static size_t index(NodeId id) { return static_cast<size_t>(id.index); }
  bool is_integer(const Node& node) const {
    return std::any_of(node.inputs.begin(), node.inputs.end(),
                       [&](ValueId v) { return v && graph_.value(v).type.encoded(); });
  }
  static NodeId last_node(const FusedOp& op) { return op.absorbed.empty() ? op.node : op.absorbed.back(); }

  // A batch norm that follows no convolution: what comes behind it joins it.
  bool is_plain_norm(const Node& node) const {
    if (!node.is("BatchNormalization") || is_integer(node)) return false;
    const SymbolicShape& shape = graph_.value(node.inputs[0]).type.shape;
    if (!fully_known(shape) || shape->size() < 2) return false;
    return channel_affine(graph_, node, node.inputs[0], to_shape(shape)[1], 1).has_value();
  }

  // The contract's operation that starts at `id`. A residual that broadcasts is not fused.
  std::optional<IntegerChain> chain_at(NodeId id) const {
    auto chain = match_integer_chain(graph_, id);
    if (!chain) return std::nullopt;
    if (chain->residual) {
      const SymbolicShape& a = graph_.value(chain->residual).type.shape;
      const SymbolicShape& b = graph_.value(graph_.node(id).outputs[0]).type.shape;
      if (!fully_known(a) || !fully_known(b) || to_shape(a) != to_shape(b)) return std::nullopt;
    }
    return chain;
  }

  // Found before all others: a factor of such a chain may stand before its first node.
  void find_dynamic_chain(NodeId id) {
    const Node& node = graph_.node(id);
    if (!node.is("MatMulInteger") && !node.is("ConvInteger")) return;
    auto chain = match_dynamic_chain(graph_, id, kept_);
    if (!chain) return;
    for (NodeId n : chain->absorbed) taken_[index(n)] = true;
    dynamic_.emplace(id, std::move(*chain));
  }

  void take_dynamic_chain(FusedOp& op, const DynamicChain& chain) {
    op.dynamic = chain;
    op.absorbed = chain.absorbed;
    op.outputs = {chain.output};
  }

  void take_chain(FusedOp& op) {
    for (NodeId id : op.chain->absorbed) taken_[index(id)] = true;
    op.absorbed = op.chain->absorbed;
    op.outputs = {op.chain->output};
  }

  // Nodes that deal channels out anew.
  void take_shuffle(FusedOp& op) {
    const auto shuffle = match_channel_shuffle(graph_, op.node);
    if (!shuffle) return;
    if (kept_.count(op.outputs[0]) != 0 || kept_.count(graph_.node(shuffle->following[0]).outputs[0]) != 0)
      return;
    for (NodeId id : shuffle->following) taken_[index(id)] = true;
    op.absorbed = shuffle->following;
    op.outputs = {shuffle->output};
  }

  // The only reader of `id` when the value may disappear.
  NodeId single_reader(ValueId id) const {
    const Value& v = graph_.value(id);
    if (v.uses.size() != 1 || graph_.is_output(id) || kept_.count(id) != 0 || v.type.encoded()) return {};
    if (v.type.dtype != DType::kF32) return {};
    const NodeId reader = v.uses[0].node;
    return taken_[index(reader)] ? NodeId{} : reader;
  }

  void extend(FusedOp& op) {
    for (;;) {
      const ValueId result = op.outputs[0];
      const NodeId next = single_reader(result);
      if (!next || !absorb(op, next, result)) return;
      taken_[index(next)] = true;
      op.absorbed.push_back(next);
      op.outputs = graph_.node(next).outputs;
      if (!op.activation.empty()) return;
    }
  }

  bool absorb(FusedOp& op, NodeId next, ValueId result) {
    const Node& node = graph_.node(next);
    if (is_integer(graph_.node(op.node)) && !node.is("Relu") && !node.is("Clip")) return false;
    if (absorb_affine(op, next, node, result)) return true;
    const bool sum = node.is("Add") || (node.is("Sum") && node.inputs.size() == 2);
    if (sum && !op.residual && is_weighted(graph_.node(op.node))) return absorb_residual(op, node, result);
    if (node.input(0) != result) return false;
    const auto activation = activation_of(graph_, node);
    if (!activation) return false;
    op.activation = *activation;
    return true;
  }

  // Factors and summands per channel, which can be multiplied into constant weights.
  bool absorb_affine(FusedOp& op, NodeId id, const Node& node, ValueId result) {
    const Node& main = graph_.node(op.node);
    const SymbolicShape& shape = graph_.value(result).type.shape;
    if (op.residual || !fully_known(shape) || shape->size() < 2) return false;
    const bool norm = main.is("BatchNormalization");
    if (!norm && graph_.constant(main.inputs[1]) == nullptr) return false;
    if (!norm && main.input(2) && graph_.constant(main.inputs[2]) == nullptr) return false;
    const bool product = main.is("MatMul") || main.is("Gemm");
    if (product && graph_.constant(main.inputs[1])->shape().rank() != 2) return false;
    if (main.is("Gemm") && main.get_float("alpha", 1) != 1) return false;
    const int axis = product ? static_cast<int>(shape->size()) - 1 : 1;
    if (!channel_affine(graph_, node, result, to_shape(shape)[axis], axis)) return false;
    op.affine.push_back(id);
    return true;
  }

  bool absorb_residual(FusedOp& op, const Node& node, ValueId result) {
    const ValueId other = node.input(0) == result ? node.input(1) : node.input(0);
    if (other == result) return false;
    const SymbolicShape& a = graph_.value(result).type.shape;
    const SymbolicShape& b = graph_.value(other).type.shape;
    if (!fully_known(a) || !fully_known(b) || to_shape(a) != to_shape(b)) return false;
    if (graph_.value(other).type.dtype != DType::kF32) return false;
    op.residual = other;
    return true;
  }

  const Graph& graph_;
  const std::set<ValueId>& kept_;
  std::map<NodeId, DynamicChain> dynamic_;  // by first node
  std::vector<bool> taken_;
  std::vector<size_t> position_;
};

}  // namespace

std::optional<Activation> activation_of(const Graph& graph, const Node& node) {
  if (node.is("Clip")) return clip_of(graph, node);
  if (node.is("PRelu")) {
    const auto slope = scalar_constant(graph, node.input(1));
    if (slope) return Activation{{Function::kRelu, *slope, 0}};
    return std::nullopt;
  }
  return simple_function(node);
}

namespace {

const Tensor* plain_constant(const Graph& graph, ValueId id) {
  const Tensor* t = graph.constant(id);
  return t != nullptr && t->dtype() == DType::kF32 && !graph.value(id).type.encoded() ? t : nullptr;
}

std::optional<ChannelAffine> norm_affine(const Graph& graph, const Node& node, ValueId value,
                                         int64_t channels) {
  if (node.input(0) != value || node.outputs.size() != 1 || node.get_int("training_mode", 0) != 0)
    return std::nullopt;
  std::span<const float> vectors[4];
  for (size_t i = 0; i < 4; ++i) {
    const Tensor* t = plain_constant(graph, node.input(i + 1));
    if (t == nullptr || t->numel() != channels) return std::nullopt;
    vectors[i] = t->data<float>();
  }
  const auto& [gamma, beta, mean, variance] = vectors;
  const auto epsilon = static_cast<double>(node.get_float("epsilon", 1e-5f));
  ChannelAffine a;
  a.scales = true;
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    a.scale.push_back(gamma[c] / std::sqrt(static_cast<double>(variance[c]) + epsilon));
    a.shift.push_back(beta[c] - mean[c] * a.scale.back());
  }
  return a;
}

// `t` broadcast to one value per channel of a value of `rank` dimensions; empty when it varies otherwise.
std::vector<double> per_channel(const Tensor& t, int64_t channels, int axis, int rank) {
  const int own_axis = axis - (rank - t.shape().rank());
  const bool scalar = t.numel() == 1 && t.shape().rank() <= rank;
  const bool vector =
      t.numel() == channels && own_axis >= 0 && t.shape().rank() <= rank && t.shape()[own_axis] == channels;
  if (!scalar && !vector) return {};
  std::vector<double> values(static_cast<size_t>(channels));
  for (size_t c = 0; c < values.size(); ++c) values[c] = static_cast<double>(t.data<float>()[scalar ? 0 : c]);
  return values;
}

}  // namespace

std::optional<ChannelAffine> channel_affine(const Graph& graph, const Node& node, ValueId value,
                                            int64_t channels, int axis) {
  if (node.is("BatchNormalization"))
    return axis == 1 ? norm_affine(graph, node, value, channels) : std::nullopt;
  const bool add = node.is("Add"), sub = node.is("Sub"), mul = node.is("Mul"), div = node.is("Div");
  if (!(add || sub || mul || div) || node.inputs.size() != 2) return std::nullopt;
  const bool second = node.inputs[1] == value;  // c - x and c / x are not affine in this sense
  if (second && (sub || div || node.inputs[0] == value)) return std::nullopt;
  const Tensor* t = plain_constant(graph, node.inputs[second ? 0 : 1]);
  const SymbolicShape& shape = graph.value(value).type.shape;
  if (t == nullptr || !shape) return std::nullopt;
  const std::vector<double> values = per_channel(*t, channels, axis, static_cast<int>(shape->size()));
  if (values.empty()) return std::nullopt;
  ChannelAffine a{std::vector<double>(values.size(), 1), std::vector<double>(values.size(), 0), mul || div};
  for (size_t c = 0; c < values.size(); ++c) {
    if (mul || div) a.scale[c] = mul ? values[c] : 1 / values[c];
    if (add || sub) a.shift[c] = add ? values[c] : -values[c];
  }
  return a;
}

ChannelAffine compose(const ChannelAffine& first, const ChannelAffine& second) {
  ChannelAffine both = second;
  both.scales = first.scales || second.scales;
  for (size_t c = 0; c < both.scale.size(); ++c) {
    both.shift[c] += first.shift[c] * second.scale[c];
    both.scale[c] *= first.scale[c];
  }
  return both;
}

std::vector<FusedOp> fuse(const Graph& graph, const std::set<ValueId>& kept) {
  return Fuser(graph, kept).run();
}

}  // namespace precis::runtime
