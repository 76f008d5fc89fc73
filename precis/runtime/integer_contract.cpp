// Chain matching and the constants of the integer operators.
#include "precis/runtime/integer_contract.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

bool is_weighted(const Node& n) {
  return n.is("Conv") || n.is("ConvTranspose") || n.is("Gemm") || n.is("MatMul");
}
bool is_sum_or_product(const Node& n) { return n.is("Add") || n.is("Sub") || n.is("Mul"); }

bool per_tensor_value(const Graph& g, ValueId v) { return v && is_per_tensor(g.value(v).type.encoding); }

bool may_start_chain(const Graph& g, const Node& n) {
  if (is_weighted(n)) return g.value(n.inputs[0]).type.encoded() && g.value(n.inputs[1]).type.encoded();
  if (n.is("BatchNormalization")) return per_tensor_value(g, n.inputs[0]) && integer_affine(g, n).has_value();
  return is_sum_or_product(n) && per_tensor_value(g, n.inputs[0]) && per_tensor_value(g, n.inputs[1]);
}

// The only reader of a value that may stay inside a chain.
NodeId inner_reader(const Graph& g, ValueId id) {
  const Value& v = g.value(id);
  if (v.type.encoded() || v.type.dtype != DType::kF32 || v.uses.size() != 1 || g.is_output(id)) return {};
  return v.uses[0].node;
}

bool clip_limits(const Graph& g, const Node& n, IntegerChain& chain) {
  chain.lo = -std::numeric_limits<float>::infinity();
  chain.hi = std::numeric_limits<float>::infinity();
  for (size_t i = 1; i <= 2; ++i) {
    if (!n.input(i)) continue;
    const Tensor* t = g.constant(n.input(i));
    if (t == nullptr || g.value(n.input(i)).type.encoded() || t->dtype() != DType::kF32 || t->numel() != 1)
      return false;
    (i == 1 ? chain.lo : chain.hi) = t->data<float>()[0];
  }
  return !std::isnan(chain.lo) && !std::isnan(chain.hi);
}

// Takes `n`, the reader of `value`, into the chain when the contract fuses it there.
bool absorb(const Graph& g, const Node& n, NodeId id, ValueId value, bool weighted, IntegerChain& chain) {
  if (n.is_precis("Quantize")) return true;
  if (n.is("Add") && weighted && !chain.residual && !chain.activation) {
    const ValueId other = n.inputs[0] == value ? n.inputs[1] : n.inputs[0];
    if (!per_tensor_value(g, other)) return false;
    chain.residual = other;
    return true;
  }
  const bool activation = (n.is("Relu") || n.is("Clip")) && n.inputs[0] == value && !chain.activation;
  if (!activation || (n.is("Clip") && !clip_limits(g, n, chain))) return false;
  chain.activation = id;
  return true;
}

// --- weights
// ---------------------------------------------------------------------------------------------------

int64_t output_channels(const Node& n, const Shape& b) {
  if (n.is("Conv")) return b[0];
  if (n.is("ConvTranspose")) return b[1] * n.get_int("group", 1);
  if (n.is("Gemm")) return b[n.get_int("transB", 0) != 0 ? 0 : 1];
  return b[b.rank() - 1];
}

int channel_axis(const Node& n, const Shape& b) {
  if (n.is("Conv")) return 0;
  if (n.is("ConvTranspose")) return 1;
  if (n.is("Gemm")) return n.get_int("transB", 0) != 0 ? 0 : 1;
  return b.rank() - 1;
}

bool shapes_fit(const Node& n, const Shape& a, const Shape& b) {
  if (n.is("Gemm")) return a.rank() == 2 && b.rank() == 2;
  if (n.is("MatMul")) return a.rank() >= 1 && b.rank() >= 2;
  return a.rank() >= 3 && b.rank() == a.rank();
}

// Scales and zero points per output channel; false when the weights' encoding is neither per tensor nor per
// channel.
bool expand_weight_grid(const Node& n, const Encoding& e, const Shape& b, IntegerLinear& out) {
  const bool whole = is_per_tensor(e);
  if (!whole &&
      (e.dynamic || e.grid != Encoding::Grid::kUniform || encoding_axis(e, b) != channel_axis(n, b)))
    return false;
  for (int64_t c = 0; c < out.channels; ++c) {
    const size_t i =
        whole ? 0 : static_cast<size_t>(c) % e.scales.size();  // ConvTranspose: groups share scales
    out.weight_scale.push_back(e.scales[i]);
    out.weight_zero_point.push_back(e.zero_point(i));
  }
  return true;
}

bool expand_bias(const Graph& g, const Node& n, IntegerLinear& out) {
  const size_t channels = static_cast<size_t>(out.channels);
  out.bias.assign(channels, 0);
  const ValueId id = n.is("MatMul") ? ValueId{} : n.input(2);
  if (!id) return true;
  const Tensor* t = g.constant(id);
  if (t == nullptr || t->shape().rank() == 0 || t->shape()[t->shape().rank() - 1] != t->numel()) return false;
  const size_t count = static_cast<size_t>(t->numel());
  if (count != channels && count != 1) return false;
  const Encoding& e = g.value(id).type.encoding;
  const bool codes = e.defined();
  if (codes && !(is_per_tensor(e) || (e.scales.size() == count && !e.dynamic))) return false;
  for (size_t c = 0; c < channels; ++c) {
    const size_t i = count == 1 ? 0 : c;
    if (!codes) {
      out.bias[c] =
          ref::bias_code(t->at_double(static_cast<int64_t>(i)), out.data_scale, out.weight_scale[c]);
      continue;
    }
    const size_t s = e.scales.size() == 1 ? 0 : i;
    const int64_t code = t->at_int(static_cast<int64_t>(i)) - e.zero_point(s);
    if (e.scales[s] == ref::real_multiplier(out.data_scale, out.weight_scale[c]) && code >= INT32_MIN &&
        code <= INT32_MAX)
      out.bias[c] = static_cast<int32_t>(code);
    else
      out.bias[c] =
          ref::bias_code(static_cast<double>(code) * e.scales[s], out.data_scale, out.weight_scale[c]);
  }
  return true;
}

// --- proof
// -----------------------------------------------------------------------------------------------------

int64_t max_abs_code(const Encoding& e) {
  const int64_t zp = e.zero_point();
  return std::max(std::llabs(e.code_max - zp), std::llabs(e.code_min - zp));
}

// sum |w - z_w| of every group of weights that meets in one accumulator. Conv, ConvTranspose, Gemm: per
// output channel.
std::vector<int64_t> accumulated_weights(const Node& n, const Tensor& w, const IntegerLinear& linear) {
  const Shape& s = w.shape();
  const auto sums_of = [&](int64_t count, auto group_of) {
    std::vector<int64_t> sums(static_cast<size_t>(count), 0);
    for (int64_t i = 0; i < w.numel(); ++i) {
      const auto [group, channel] = group_of(i);
      sums[static_cast<size_t>(group)] +=
          std::llabs(w.at_int(i) - linear.weight_zero_point[static_cast<size_t>(channel)]);
    }
    return sums;
  };
  using Pair = std::pair<int64_t, int64_t>;  // accumulator, output channel
  if (n.is("Conv") || n.is("Gemm")) {
    const int axis = channel_axis(n, s);
    const int64_t inner = s.inner(axis + 1), count = s[axis];
    return sums_of(count, [=](int64_t i) { return Pair(i / inner % count, i / inner % count); });
  }
  if (n.is("ConvTranspose")) {
    const int64_t inner = s.inner(2), width = s[1], group_in = s[0] / n.get_int("group", 1);
    return sums_of(linear.channels, [=](int64_t i) {
      const int64_t c = i / (inner * width) / group_in * width + i / inner % width;
      return Pair(c, c);
    });
  }
  const int64_t rows = s[s.rank() - 2], columns = s[s.rank() - 1];
  if (linear.weight_slot == 0)
    return sums_of(w.numel() / std::max<int64_t>(columns, 1),
                   [=](int64_t i) { return Pair(i / columns, 0); });
  return sums_of(w.numel() / std::max<int64_t>(rows, 1),
                 [=](int64_t i) { return Pair(i / (rows * columns) * columns + i % columns, i % columns); });
}

bool proven(const Graph& g, const Node& n, const IntegerLinear& linear, const Shape& a) {
  const Encoding& data = g.value(n.inputs[linear.weight_slot == 0 ? 1 : 0]).type.encoding;
  const Tensor* weights = g.constant(n.inputs[static_cast<size_t>(linear.weight_slot)]);
  if (weights == nullptr) {
    if (!n.is("MatMul")) return false;  // run-time weights of a convolution: no proof
    const int64_t per_product = max_abs_code(g.value(n.inputs[1]).type.encoding);
    return ref::accumulator_fits(checked_mul(per_product, a[a.rank() - 1]), max_abs_code(data), 0);
  }
  const std::vector<int64_t> sums = accumulated_weights(n, *weights, linear);
  for (size_t i = 0; i < sums.size(); ++i)
    if (!ref::accumulator_fits(sums[i], max_abs_code(data), n.is("MatMul") ? 0 : linear.bias[i]))
      return false;
  return true;
}

}  // namespace

bool is_per_tensor(const Encoding& e) {
  return e.defined() && e.grid == Encoding::Grid::kUniform && !e.dynamic && e.scales.size() == 1;
}

ref::OutputGrid grid_of(const Encoding& e) { return {e.zero_point(), e.code_min, e.code_max}; }

ref::FusedActivation IntegerChain::fused_activation(float output_scale) const {
  if (!activation) return {};
  if (lo == 0 && hi == std::numeric_limits<float>::infinity()) return ref::fused_relu();
  return ref::fused_clip(lo, hi, output_scale);
}

std::optional<IntegerChain> match_integer_chain(const Graph& g, NodeId main) {
  const Node& first = g.node(main);
  if (!may_start_chain(g, first)) return std::nullopt;
  IntegerChain chain;
  chain.main = main;
  chain.hi = std::numeric_limits<float>::infinity();
  chain.output = first.outputs[0];
  while (!g.value(chain.output).type.encoded()) {
    const NodeId next = inner_reader(g, chain.output);
    if (!next || !absorb(g, g.node(next), next, chain.output, is_weighted(first), chain)) return std::nullopt;
    chain.absorbed.push_back(next);
    chain.output = g.node(next).outputs[0];
  }
  if (!per_tensor_value(g, chain.output)) return std::nullopt;
  return chain;
}

std::optional<IntegerLinear> integer_linear(const Graph& g, const Node& n, const Shape& a, const Shape& b) {
  if (!is_weighted(n) || !shapes_fit(n, a, b)) return std::nullopt;
  if (n.is("Gemm") && (n.get_float("alpha", 1) != 1 || n.get_int("transA", 0) != 0)) return std::nullopt;
  if (n.is("Gemm") && n.input(2) && n.get_float("beta", 1) != 1) return std::nullopt;
  IntegerLinear linear;
  if (n.is("MatMul") && g.constant(n.inputs[0]) != nullptr && g.constant(n.inputs[1]) == nullptr)
    linear.weight_slot = 0;
  const bool left = linear.weight_slot == 0;
  const Encoding& data = g.value(n.inputs[left ? 1 : 0]).type.encoding;
  const Encoding& weights = g.value(n.inputs[left ? 0 : 1]).type.encoding;
  if (!is_per_tensor(data) || !weights.defined() || (left && !is_per_tensor(weights))) return std::nullopt;
  linear.data_scale = data.scale();
  linear.data_zero_point = data.zero_point();
  linear.channels = output_channels(n, b);
  if (!expand_weight_grid(n, weights, b, linear) || !expand_bias(g, n, linear) || !proven(g, n, linear, a))
    return std::nullopt;
  return linear;
}

std::optional<IntegerAffine> integer_affine(const Graph& g, const Node& n) {
  if (!n.is("BatchNormalization") || n.outputs.size() != 1 || n.get_int("training_mode", 0) != 0) return std::nullopt;
  std::span<const float> parameters[4];
  for (size_t i = 0; i < 4; ++i) {
    const Tensor* t = g.constant(n.input(i + 1));
    if (t == nullptr || t->dtype() != DType::kF32 || g.value(n.inputs[i + 1]).type.encoded()) return std::nullopt;
    parameters[i] = t->data<float>();
    if (parameters[i].size() != parameters[0].size()) return std::nullopt;
  }
  const auto& [scale, bias, mean, variance] = parameters;
  const auto epsilon = static_cast<double>(n.get_float("epsilon", 1e-5f));
  IntegerAffine map;
  for (size_t c = 0; c < scale.size(); ++c) {
    map.a.push_back(scale[c] / std::sqrt(static_cast<double>(variance[c]) + epsilon));
    map.b.push_back(bias[c] - mean[c] * map.a.back());
    if (!std::isfinite(map.a.back()) || !std::isfinite(map.b.back())) return std::nullopt;
  }
  return map;
}

}  // namespace precis::runtime
