// Before:  x -> Conv(w, b) -> Mul(s) -> Add(t) -> y        s, t: constants with one value, or one per channel
// After:   x -> Conv(w * s, b * s + t) -> y
// Also Sub and Div by constants (on the right), and behind a BatchNormalization. Exporters write batch norm and biases in these forms (CNTK, Keras, Caffe2).
#include <cmath>

#include "precis/passes/channel_fold.h"
#include "precis/passes/pass_list.h"

namespace precis::passes {
namespace {

// The constant as one value per channel when it broadcasts over everything but axis `axis` of a rank-`rank` result.
std::vector<double> per_channel(const Tensor& t, int rank, int axis, int64_t channels) {
  if (!is_float(t.dtype()) || t.shape().rank() > rank) return {};
  const int lead = rank - t.shape().rank();
  for (int i = 0; i < t.shape().rank(); ++i)
    if (t.shape()[i] != 1 && !(i + lead == axis && t.shape()[i] == channels)) return {};
  std::vector<double> v(static_cast<size_t>(channels));
  for (int64_t c = 0; c < channels; ++c) v[static_cast<size_t>(c)] = t.at_double(t.numel() == 1 ? 0 : c);
  return v;
}

struct Match {
  NodeId producer;
  int64_t channels = 0;
  std::vector<double> constant;
};

// A node `f(conv result, constant)`; the constant may stand on either side of Add and Mul.
Match match(const Graph& g, const Node& n) {
  for (size_t side = 0; side < 2; ++side) {
    if (side == 1 && (n.is("Sub") || n.is("Div"))) break;
    const ValueId data = n.input(side);
    const Tensor* t = g.constant(n.input(1 - side));
    if (!data || t == nullptr || g.value(n.input(1 - side)).type.encoded()) continue;
    const NodeId producer = g.value(data).producer;
    const int64_t channels = foldable_channels(g, producer);
    const SymbolicShape& shape = g.value(n.output(0)).type.shape;
    if (channels == 0 || !shape) continue;
    const int rank = static_cast<int>(shape->size());
    std::vector<double> c = per_channel(*t, rank, 1, channels);
    if (!c.empty()) return {producer, channels, std::move(c)};
  }
  return {};
}

}  // namespace

PassResult fold_channel_arithmetic(Model& model) {
  Graph& g = model.graph;
  PassResult result;
  const std::vector<NodeId> order(g.order().begin(), g.order().end());
  for (NodeId id : order) {
    const Node& n = g.node(id);
    if (!n.is("Mul") && !n.is("Add") && !n.is("Sub") && !n.is("Div")) continue;
    const Match m = match(g, n);
    if (m.channels == 0) continue;
    std::vector<double> scale(m.constant.size(), 1), shift(m.constant.size(), 0);
    bool finite = true;
    for (size_t c = 0; c < m.constant.size(); ++c) {
      if (n.is("Mul")) scale[c] = m.constant[c];
      if (n.is("Div")) scale[c] = 1 / m.constant[c];
      if (n.is("Add")) shift[c] = m.constant[c];
      if (n.is("Sub")) shift[c] = -m.constant[c];
      finite = finite && std::isfinite(scale[c]) && std::isfinite(shift[c]);
    }
    if (!finite) continue;
    fold_into_weights(g, m.producer, scale, shift);
    const ValueId out = n.output(0);
    g.remove_node(id);
    g.set_output(m.producer, 0, out);
    ++result.changes;
  }
  return result;
}

}  // namespace precis::passes
