// Follows single uses from the product.
#include "precis/runtime/dynamic_chain.h"

#include <algorithm>
#include <cstdlib>

#include "precis/graph/onnx_dtype.h"
#include "precis/runtime/fusion.h"

namespace precis::runtime {
namespace {

constexpr int64_t kLargestCode = 255;

class Matcher {
 public:
  Matcher(const Graph& graph, NodeId main, const std::set<ValueId>& kept)
      : g_(graph), kept_(kept), node_(graph.node(main)) {
    chain_.main = main;
  }

  std::optional<DynamicChain> run() {
    if (!takes_operands() || !follow_to_reals()) return std::nullopt;
    follow_bias();
    follow_activation();
    return std::move(chain_);
  }

 private:
  const Tensor* plain(ValueId v) const { return v && !g_.value(v).type.encoded() ? g_.constant(v) : nullptr; }
  static bool is_byte(DType d) { return d == DType::kU8 || d == DType::kI8; }
  bool has_shape(ValueId v) const { return v && fully_known(g_.value(v).type.shape); }
  bool is_one_value(ValueId v, DType dtype) const {
    const ValueType& t = g_.value(v).type;
    return has_shape(v) && t.dtype == dtype && !t.encoded() && t.shape->size() <= 1 &&
           to_shape(t.shape).numel() == 1;
  }

  bool takes_operands() {
    const Tensor* w = plain(node_.input(1));
    const DType data = g_.value(node_.inputs[0]).type.dtype;
    conv_ = node_.is("ConvInteger");
    if ((!conv_ && !node_.is("MatMulInteger")) || w == nullptr || !is_byte(w->dtype()) || !is_byte(data))
      return false;
    if (!has_shape(node_.inputs[0]) || !has_shape(node_.outputs[0])) return false;
    result_ = to_shape(g_.value(node_.outputs[0]).type.shape);
    const int rank = w->shape().rank();
    if (conv_ ? rank < 3 || rank > 5 : rank != 2 || result_.rank() < 2) return false;
    axis_ = conv_ ? 1 : result_.rank() - 1;
    channels_ = result_[axis_];
    if (node_.input(2)) {
      if (!is_one_value(node_.inputs[2], data)) return false;
      chain_.zero_point = node_.inputs[2];
    }
    return take_zero_points(*w) && is_proven(*w);
  }

  bool take_zero_points(const Tensor& w) {
    chain_.weight_zero_point.assign(static_cast<size_t>(channels_), 0);
    if (!node_.input(3)) return true;
    const Tensor* z = plain(node_.inputs[3]);
    if (z == nullptr || z->dtype() != w.dtype() || (z->numel() != 1 && z->numel() != channels_)) return false;
    for (int64_t c = 0; c < channels_; ++c)
      chain_.weight_zero_point[static_cast<size_t>(c)] =
          static_cast<int32_t>(z->at_int(z->numel() == 1 ? 0 : c));
    return true;
  }

  bool is_proven(const Tensor& w) const {
    const int64_t depth = w.numel() / std::max<int64_t>(channels_, 1);
    std::vector<int64_t> sums(static_cast<size_t>(channels_), 0);
    for (int64_t i = 0; i < w.numel(); ++i) {
      const auto c = static_cast<size_t>(conv_ ? i / depth : i % channels_);
      const int code = w.dtype() == DType::kU8 ? std::to_integer<int>(w.bytes()[i])
                                               : static_cast<int8_t>(std::to_integer<int>(w.bytes()[i]));
      sums[c] += std::abs(code - chain_.weight_zero_point[c]);
    }
    return std::all_of(sums.begin(), sums.end(),
                       [](int64_t sum) { return sum * kLargestCode <= std::numeric_limits<int32_t>::max(); });
  }

  // The only reader of `v`, when the value may disappear.
  NodeId reader_of(ValueId v) const {
    const Value& value = g_.value(v);
    const bool alone = value.uses.size() == 1 && !g_.is_output(v) && kept_.count(v) == 0;
    return alone ? value.uses[0].node : NodeId{};
  }

  bool follow_to_reals() {
    const NodeId cast = reader_of(node_.outputs[0]);
    if (!cast || !g_.node(cast).is("Cast")) return false;
    const ValueId reals = g_.node(cast).outputs[0];
    if (dtype_from_onnx_code(g_.node(cast).get_int("to", 0)) != DType::kF32) return false;
    const NodeId product = reader_of(reals);
    if (!product || !g_.node(product).is("Mul")) return false;
    const Node& mul = g_.node(product);
    const ValueId factor = mul.inputs[0] == reals ? mul.inputs[1] : mul.inputs[0];
    if (factor == reals || !take_scales(factor)) return false;
    chain_.absorbed.insert(chain_.absorbed.end(), {cast, product});
    chain_.output = mul.outputs[0];
    return keeps_shape();
  }
  bool keeps_shape() const {
    const ValueType& t = g_.value(chain_.output).type;
    return has_shape(chain_.output) && to_shape(t.shape) == result_ && !t.encoded();
  }

  // A constant per channel, one computed value, or the product of both.
  bool take_scales(ValueId factor) {
    if (take_weight_scale(factor) || take_product(factor)) return true;
    if (!is_one_value(factor, DType::kF32)) return false;
    chain_.scale = factor;
    chain_.weight_scale.assign(static_cast<size_t>(channels_), 1.0f);
    return true;
  }

  bool take_product(ValueId factor) {
    const NodeId maker = g_.value(factor).producer;
    if (!maker || !g_.node(maker).is("Mul")) return false;
    const Node& n = g_.node(maker);
    for (const size_t i : {0, 1}) {
      if (!is_one_value(n.inputs[i], DType::kF32) || !take_weight_scale(n.inputs[1 - i])) continue;
      chain_.scale = n.inputs[i];
      if (reader_of(factor)) chain_.absorbed.push_back(maker);
      return true;
    }
    return false;
  }

  bool take_weight_scale(ValueId v) {
    const Tensor* t = plain(v);
    if (t == nullptr || t->dtype() != DType::kF32) return false;
    chain_.weight_scale = per_channel(*t);
    return !chain_.weight_scale.empty();
  }

  // `t` broadcast to one value per output channel; empty when it varies otherwise.
  std::vector<float> per_channel(const Tensor& t) const {
    const int own_axis = axis_ - (result_.rank() - t.shape().rank());
    const bool one = t.numel() == 1 && t.shape().rank() <= result_.rank();
    const bool each = own_axis >= 0 && t.shape().rank() <= result_.rank() && t.numel() == channels_ &&
                      t.shape()[own_axis] == channels_;
    std::vector<float> values;
    for (int64_t c = 0; (one || each) && c < channels_; ++c)
      values.push_back(t.data<float>()[static_cast<size_t>(one ? 0 : c)]);
    return values;
  }

  void follow_bias() {
    const NodeId next = reader_of(chain_.output);
    if (!next || !g_.node(next).is("Add")) return;
    const Node& add = g_.node(next);
    const ValueId other = add.inputs[0] == chain_.output ? add.inputs[1] : add.inputs[0];
    const Tensor* t = plain(other);
    if (t == nullptr || t->dtype() != DType::kF32) return;
    std::vector<float> bias = per_channel(*t);
    if (bias.empty()) return;
    chain_.bias = std::move(bias);
    absorb(next);
  }

  void follow_activation() {
    const NodeId next = reader_of(chain_.output);
    if (!next) return;
    const Node& node = g_.node(next);
    if (g_.value(node.outputs[0]).type.encoded()) return;
    if (node.is("Relu")) {
      chain_.low = 0;
    } else if (node.is("Clip") && node.input(0) == chain_.output) {
      const auto clip = activation_of(g_, node);
      if (!clip) return;
      chain_.low = (*clip)[0].alpha;
      chain_.high = (*clip)[0].beta;
    } else {
      return;
    }
    absorb(next);
  }

  void absorb(NodeId id) {
    chain_.absorbed.push_back(id);
    chain_.output = g_.node(id).outputs[0];
  }

  const Graph& g_;
  const std::set<ValueId>& kept_;
  const Node& node_;
  DynamicChain chain_;
  Shape result_;
  bool conv_ = false;
  int axis_ = 0;
  int64_t channels_ = 0;
};

}  // namespace

std::optional<DynamicChain> match_dynamic_chain(const Graph& graph, NodeId main,
                                                const std::set<ValueId>& kept) {
  return Matcher(graph, main, kept).run();
}

}  // namespace precis::runtime
