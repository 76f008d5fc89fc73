// Before:  x -> Conv(w, b) -> BatchNormalization(gamma, beta, mean, var) -> y
// After:   x -> Conv(w * f, (b - mean) * f + beta) -> y,   f = gamma / sqrt(var + epsilon) per output channel
// Only when the convolution's result is read by nothing else and all parameters are constant. Channels with
// var + epsilon <= 0 or a non-finite factor refuse the fold of the whole node (noted).
#include <cmath>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/passes/channel_fold.h"
#include "precis/passes/pass_list.h"

namespace precis::passes {
namespace {

struct Factors {
  std::vector<double> scale, shift;
  bool finite = true;
};

Factors factors_of(const Graph& g, const Node& bn, int64_t channels) {
  const double epsilon = static_cast<double>(bn.get_float("epsilon", 1e-5f));
  Factors f;
  for (int64_t c = 0; c < channels; ++c) {
    const auto p = [&](size_t i) { return g.constant(bn.input(i))->at_double(c); };
    const double variance = p(4) + epsilon;
    const double scale = p(1) / std::sqrt(variance);
    const double shift = p(2) - p(3) * scale;
    f.finite = f.finite && variance > 0 && std::isfinite(scale) && std::isfinite(shift);
    f.scale.push_back(scale);
    f.shift.push_back(shift);
  }
  return f;
}

bool parameters_constant(const Graph& g, const Node& bn, int64_t channels) {
  for (size_t i = 1; i <= 4; ++i) {
    const Tensor* t = g.constant(bn.input(i));
    if (t == nullptr || t->numel() != channels || !is_float(t->dtype())) return false;
  }
  return true;
}

}  // namespace

PassResult fold_batch_norm(Model& model) {
  Graph& g = model.graph;
  PassResult result;
  const std::vector<NodeId> order(g.order().begin(), g.order().end());
  for (NodeId id : order) {
    const Node& bn = g.node(id);
    if (!bn.is("BatchNormalization") || bn.get_int("training_mode", 0) != 0) continue;
    const NodeId producer = g.value(bn.input(0)).producer;
    const int64_t channels = foldable_channels(g, producer);
    if (channels == 0 || !parameters_constant(g, bn, channels)) continue;
    const Factors f = factors_of(g, bn, channels);
    if (!f.finite) {
      result.notes.push_back(fmt::format("node '{}': not folded, a channel has var + epsilon <= 0 or a factor that is not finite", printable(bn.name)));
      continue;
    }
    fold_into_weights(g, producer, f.scale, f.shift);
    // The convolution now makes the value that the normalization made.
    const ValueId out = bn.output(0);
    g.remove_node(id);
    g.set_output(producer, 0, out);
    ++result.changes;
  }
  return result;
}

}  // namespace precis::passes
