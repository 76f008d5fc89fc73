// Scaling weights per output channel, in double with one rounding at the end.
#include "precis/passes/channel_fold.h"

namespace precis::passes {
namespace {

int channel_axis(const Node& n) {
  if (n.is("ConvTranspose")) return 1;
  if (n.is("Gemm")) return n.get_int("transB", 0) != 0 ? 0 : 1;
  return 0;
}

}  // namespace

int64_t foldable_channels(const Graph& g, NodeId producer) {
  if (!producer) return 0;
  const Node& n = g.node(producer);
  const bool known = n.is("Conv") || (n.is("ConvTranspose") && n.get_int("group", 1) == 1) ||
                     (n.is("Gemm") && n.get_float("alpha", 1) == 1 && n.get_float("beta", 1) == 1) ||
                     (n.is("BatchNormalization") && n.outputs.size() == 1 && n.get_int("training_mode", 0) == 0);
  if (!known) return 0;
  const Value& out = g.value(n.output(0));
  if (out.uses.size() != 1 || g.is_output(n.output(0)) || out.type.encoded()) return 0;
  const Tensor* w = g.constant(n.input(1));
  if (w == nullptr || w->dtype() != DType::kF32 || g.value(n.input(1)).type.encoded()) return 0;
  const int64_t channels = w->shape()[channel_axis(n)];
  if (n.input(2)) {
    const Tensor* b = g.constant(n.input(2));
    if (b == nullptr || b->dtype() != DType::kF32 || b->numel() != channels || g.value(n.input(2)).type.encoded()) return 0;
  }
  return channels;
}

void fold_into_weights(Graph& g, NodeId producer, const std::vector<double>& scale, const std::vector<double>& shift) {
  const ValueId w_id = g.node(producer).input(1), b_id = g.node(producer).input(2);
  const Tensor& w = *g.constant(w_id);
  const int axis = channel_axis(g.node(producer));
  const int64_t channels = w.shape()[axis], inner = w.shape().inner(axis + 1);
  Tensor folded = w.clone();
  auto values = folded.data<float>();
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(values[i] * scale[static_cast<size_t>(static_cast<int64_t>(i) / inner % channels)]);
  Tensor bias(DType::kF32, b_id ? g.constant(b_id)->shape() : Shape{channels});
  for (int64_t c = 0; c < channels; ++c) {
    const size_t k = static_cast<size_t>(c);
    const double b = b_id ? g.constant(b_id)->at_double(c) : 0;
    bias.data<float>()[k] = static_cast<float>(b * scale[k] + shift[k]);
  }
  const std::string w_name = g.value(w_id).name;
  const std::string b_name = b_id ? g.value(b_id).name : w_name + "/bias";
  g.set_input(producer, 1, g.add_constant(g.unique_value_name(w_name + "/folded"), std::move(folded)));
  g.set_input(producer, 2, g.add_constant(g.unique_value_name(b_id ? b_name + "/folded" : b_name), std::move(bias)));
}

}  // namespace precis::passes
