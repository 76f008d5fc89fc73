// The encoded forms of operators: accumulate or move codes exactly, then round once. What the contract does
// not name runs as dequantize -> float reference -> quantize.
#include "precis/runtime/reference_encoded.h"

#include <algorithm>

#include "precis/graph/op.h"
#include "precis/kernels/reference/codes.h"
#include "precis/kernels/reference/pool.h"
#include "precis/kernels/reference/reduce.h"
#include "precis/runtime/reference_codes.h"
#include "precis/runtime/reference_geometry.h"
#include "precis/runtime/reference_linear.h"
#include "precis/runtime/reference_resize.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

const Encoding& encoding_of(const Graph& g, ValueId v) {
  static const Encoding kNone;
  return v ? g.value(v).type.encoding : kNone;
}

// Operators that move or select codes of input 0 (Concat has a form of its own).
bool is_mover(const Graph& g, const Node& n) {
  if (!moves_data_only(g, n) || n.is("Concat")) return false;
  return !n.is("Resize") || n.get_string("mode", "nearest") == "nearest";
}

// Codes of one per-tensor encoding on another's grid (equal encodings: the same codes).
Tensor rescaled(const Node& node, const Tensor& codes, const Encoding& from, const Encoding& to) {
  if (from == to) return codes;
  Tensor values = centered(node, codes, from.zero_point());
  ref::rescale_codes(values.numel(), ptr<int32_t>(std::as_const(values)),
                     ref::rescale_multiplier(from.scale(), to.scale()), grid_of(to), ptr<int32_t>(values));
  return narrowed(node, values, to.code);
}

// --- Conv, ConvTranspose, Gemm, MatMul
// -------------------------------------------------------------------------

struct Accumulated {
  IntegerLinear linear;
  Tensor sums;  // i32
};

std::optional<Accumulated> accumulate(const Graph& g, const Node& node, Inputs inputs) {
  if (!encoding_of(g, node.input(0)).defined() || !encoding_of(g, node.input(1)).defined())
    return std::nullopt;
  auto linear = integer_linear(g, node, inputs[0].shape(), inputs[1].shape());
  if (!linear) return std::nullopt;
  const bool left = linear->weight_slot == 0;
  const auto of_data = [&](const Tensor& codes) { return centered(node, codes, linear->data_zero_point); };
  const auto of_weights = [&](const Tensor& codes) {
    const Encoding& e = encoding_of(g, node.inputs[left ? 0 : 1]);
    if (e.zero_points.size() <= 1) return centered(node, codes, e.zero_point());
    const Tensor zp = Tensor::from<int32_t>({static_cast<int64_t>(e.zero_points.size())},
                                            std::span<const int32_t>(e.zero_points));
    return centered(node, codes, &zp, encoding_axis(e, codes.shape()));
  };
  Accumulated a{std::move(*linear), {}};
  a.sums = left ? linear_product(node, of_weights(inputs[0]), of_data(inputs[1]))
                : linear_product(node, of_data(inputs[0]), of_weights(inputs[1]));
  return a;
}

// Calls f(flat index, channel) over the sums: channels are dimension 1 of a convolution, the last one of a
// product.
template <typename F>
void for_each_sum(const Node& node, const Accumulated& a, F f) {
  const Shape& s = a.sums.shape();
  const bool conv = node.is("Conv") || node.is("ConvTranspose");
  const int64_t channels = a.linear.channels, inner = conv ? s.inner(2) : 1,
                rows = a.sums.numel() / std::max<int64_t>(1, channels * inner);
  int64_t i = 0;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t k = 0; k < inner; ++k) f(i++, static_cast<size_t>(c));
}

Tensor real_sums(const Node& node, const Accumulated& a) {
  Tensor y(DType::kF32, a.sums.shape());
  for_each_sum(node, a, [&](int64_t i, size_t c) {
    const float m = ref::real_multiplier(a.linear.data_scale, a.linear.weight_scale[c]);
    ptr<float>(y)[i] = ref::scaled_accumulator(ptr<int32_t>(a.sums)[i], a.linear.bias[c], m);
  });
  return y;
}

Tensor requantized_sums(const Graph& g, const IntegerChain& chain, const Accumulated& a,
                        const Tensor& residual) {
  const Node& node = g.node(chain.main);
  const Encoding& out = encoding_of(g, chain.output);
  ref::Requantize p;
  p.activation = chain.fused_activation(out.scale());
  p.grid = grid_of(out);
  Tensor addend;
  if (residual.defined()) {
    const Encoding& e = encoding_of(g, chain.residual);
    p.residual_multiplier = ref::rescale_multiplier(e.scale(), out.scale());
    addend = centered(node, residual, e.zero_point());
  }
  Tensor y(DType::kI32, a.sums.shape());
  for_each_sum(node, a, [&](int64_t i, size_t c) {
    p.multiplier = ref::requantize_multiplier(a.linear.data_scale, a.linear.weight_scale[c], out.scale());
    p.bias = a.linear.bias[c];
    const int32_t acc = ptr<int32_t>(a.sums)[i];
    ptr<int32_t>(y)[i] =
        addend.defined() ? ref::requantize_sum(p, acc, ptr<int32_t>(addend)[i]) : ref::requantize(p, acc);
  });
  return narrowed(node, y, out.code);
}

// --- Add, Sub, Mul
// ---------------------------------------------------------------------------------------------

Tensor combined(const Graph& g, const IntegerChain& chain, Inputs inputs) {
  const Node& node = g.node(chain.main);
  const Encoding &ea = encoding_of(g, node.inputs[0]), &eb = encoding_of(g, node.inputs[1]),
                 &out = encoding_of(g, chain.output);
  const Tensor a = centered(node, inputs[0], ea.zero_point()), b = centered(node, inputs[1], eb.zero_point());
  Tensor y(DType::kI32, broadcast_shapes(a.shape(), b.shape()));
  const auto walk = ref::broadcast_walk(a.shape(), b.shape(), y.shape());
  const ref::FusedActivation activation = chain.fused_activation(out.scale());
  if (node.is("Mul")) {
    ref::multiply_codes(
        {ref::product_multiplier(ea.scale(), eb.scale(), out.scale()), activation, grid_of(out)}, walk,
        ptr<int32_t>(a), ptr<int32_t>(b), ptr<int32_t>(y));
  } else {
    const float mb = ref::rescale_multiplier(eb.scale(), out.scale());
    ref::add_codes({ref::rescale_multiplier(ea.scale(), out.scale()), node.is("Sub") ? -mb : mb, activation,
                    grid_of(out)},
                   walk, ptr<int32_t>(a), ptr<int32_t>(b), ptr<int32_t>(y));
  }
  return narrowed(node, y, out.code);
}

// --- BatchNormalization

std::optional<Tensor> mapped(const Graph& g, const IntegerChain& chain, Inputs inputs) {
  const Node& node = g.node(chain.main);
  const auto map = integer_affine(g, node);
  const Shape& shape = inputs[0].shape();
  if (!map || shape.rank() < 2 || shape[1] != static_cast<int64_t>(map->a.size())) return std::nullopt;
  const Encoding &from = encoding_of(g, node.inputs[0]), &to = encoding_of(g, chain.output);
  Tensor codes = centered(node, inputs[0], from.zero_point());
  ref::AffineCodes p;
  p.activation = chain.fused_activation(to.scale());
  p.grid = grid_of(to);
  const int64_t inner = shape.inner(2);
  for (int64_t i = 0; i < shape[0] * shape[1]; ++i) {
    const auto c = static_cast<size_t>(i % shape[1]);
    p.multiplier = map->multiplier(c, from.scale(), to.scale());
    p.offset = map->offset(c, to.scale());
    ref::affine_codes(p, inner, ptr<int32_t>(std::as_const(codes)) + i * inner,
                      ptr<int32_t>(codes) + i * inner);
  }
  return narrowed(node, codes, to.code);
}

// --- movers, Concat, averages, Resize
// --------------------------------------------------------------------------

// Runs the mover on codes; the pad value of Pad becomes a code of the input's encoding.
Tensors move_codes(const Graph& g, const Node& node, Inputs inputs) {
  const Encoding& e = encoding_of(g, node.inputs[0]);
  Tensors args(inputs.begin(), inputs.end());
  if (node.is("Pad")) {
    args.resize(std::max<size_t>(args.size(), 3));
    Tensor value(DType::kF32, {1});
    if (args[2].defined()) {
      const Encoding& pe = encoding_of(g, node.input(2));
      value = pe.defined() ? decoded(node, args[2], pe) : args[2].cast(DType::kF32);
    }
    args[2] = encoded(node, value, e);
  }
  return run_plain_node(g, node, args);
}

std::optional<Tensors> run_mover(const Graph& g, const Node& node, Inputs inputs) {
  const Encoding& from = encoding_of(g, node.input(0));
  if (!is_mover(g, node) || !is_per_tensor(from)) return std::nullopt;
  if (node.is("Resize") && node.get_string("coordinate_transformation_mode", "") == "tf_crop_and_resize")
    return std::nullopt;
  for (size_t i = 1; i < node.inputs.size(); ++i)
    if (encoding_of(g, node.inputs[i]).defined() && !node.is("Pad")) return std::nullopt;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const Encoding& to = encoding_of(g, node.outputs[i]);
    if (to.defined() && !is_per_tensor(to)) return std::nullopt;
  }
  Tensors outputs = move_codes(g, node, inputs);
  for (size_t i = 0; i < outputs.size() && i < node.outputs.size(); ++i) {
    if (!outputs[i].defined() || outputs[i].dtype() != from.code) continue;  // Indices of MaxPool
    const Encoding& to = encoding_of(g, node.outputs[i]);
    outputs[i] = to.defined() ? rescaled(node, outputs[i], from, to) : decoded(node, outputs[i], from);
  }
  return outputs;
}

std::optional<Tensors> run_concat(const Graph& g, const Node& node, Inputs inputs) {
  const Encoding& to = encoding_of(g, node.output(0));
  if (!node.is("Concat") || !is_per_tensor(to)) return std::nullopt;
  Tensors args;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Encoding& from = encoding_of(g, node.inputs[i]);
    if (!is_per_tensor(from)) return std::nullopt;
    args.push_back(rescaled(node, inputs[i], from, to));
  }
  return run_plain_node(g, node, args);
}

// Sums of centred codes -> codes of their means, or the real means where the result is not encoded; count(i)
// elements are behind sum i.
template <typename F>
Tensor averaged(const Node& node, const Tensor& sums, const Encoding& from, const Encoding& to, F count) {
  if (!to.defined()) {
    Tensor real(DType::kF32, sums.shape());
    for (int64_t i = 0; i < sums.numel(); ++i)
      ptr<float>(real)[i] =
          static_cast<float>(ptr<int64_t>(sums)[i]) * ref::real_average_multiplier(from.scale(), count(i));
    return real;
  }
  Tensor y(DType::kI32, sums.shape());
  for (int64_t i = 0; i < sums.numel(); ++i) {
    const float m = ref::average_multiplier(from.scale(), to.scale(), count(i));
    ptr<int32_t>(y)[i] = ref::round_to_grid(static_cast<float>(ptr<int64_t>(sums)[i]) * m, grid_of(to));
  }
  return narrowed(node, y, to.code);
}

// A mean of codes, made into codes or into f32.
bool averages_codes(const Graph& g, const Node& node) {
  if (!node.is("AveragePool") && !node.is("GlobalAveragePool") && !node.is("ReduceMean")) return false;
  const ValueType& to = g.value(node.output(0)).type;
  const bool real = !to.encoded() && to.dtype == DType::kF32;
  return is_per_tensor(encoding_of(g, node.input(0))) && (real || is_per_tensor(to.encoding));
}

Tensor average_pool(const Node& node, const Tensor& x, const Encoding& from, const Encoding& to) {
  const bool global = node.is("GlobalAveragePool");
  const ref::Window w = global ? whole_plane(node, x.shape()) : pool_window(node, x.shape());
  Shape shape = global ? x.shape() : output_shape(x.shape(), x.shape()[1], w.out);
  for (int a = 2; global && a < shape.rank(); ++a) shape[a] = 1;
  std::vector<int64_t> counts(static_cast<size_t>(w.out_size()));
  ref::window_counts(
      w,
      node.get_int("count_include_pad", 0) != 0 ? ref::CountPadding::kInclude : ref::CountPadding::kExclude,
      counts.data());
  const Tensor wide = centered(node, x, from.zero_point()).cast(DType::kI64);
  Tensor sums(DType::kI64, shape);
  ref::sum_pool(w, checked_mul(x.shape()[0], x.shape()[1]), ptr<int64_t>(wide), ptr<int64_t>(sums));
  return averaged(node, sums, from, to, [&](int64_t i) {
    return std::max<int64_t>(1, counts[static_cast<size_t>(i % w.out_size())]);
  });
}

Tensor reduce_mean(const Graph& g, const Node& node, Inputs inputs, const Encoding& from,
                   const Encoding& to) {
  Node sum = node;
  sum.op = "ReduceSum";
  Tensors args(inputs.begin(), inputs.end());
  args[0] = centered(node, inputs[0], from.zero_point()).cast(DType::kI64);
  const Tensor sums = run_plain_node(g, sum, args)[0];
  const int64_t count = sums.numel() == 0 ? 1 : inputs[0].numel() / sums.numel();
  return averaged(node, sums, from, to, [count](int64_t) { return count; });
}

Tensor resize_smooth(const Node& node, Inputs inputs, const Encoding& from, const Encoding& to) {
  const Tensor y = resized_smooth(node, centered(node, inputs[0], from.zero_point()).cast(DType::kF32),
                                  resize_axes(node, inputs));
  const float m = ref::rescale_multiplier(from.scale(), to.scale());
  Tensor codes(DType::kI32, y.shape());
  for (int64_t i = 0; i < y.numel(); ++i)
    ptr<int32_t>(codes)[i] = ref::round_to_grid(ptr<float>(y)[i] * m, grid_of(to));
  return narrowed(node, codes, to.code);
}

std::optional<Tensors> run_average_or_resize(const Graph& g, const Node& node, Inputs inputs) {
  const Encoding &from = encoding_of(g, node.input(0)), &to = encoding_of(g, node.output(0));
  if (averages_codes(g, node)) {
    if (node.is("ReduceMean")) return one(reduce_mean(g, node, inputs, from, to));
    return one(average_pool(node, inputs[0], from, to));
  }
  if (!is_per_tensor(from) || !is_per_tensor(to)) return std::nullopt;
  const bool crop = node.get_string("coordinate_transformation_mode", "") ==
                    "tf_crop_and_resize";  // may leave the input: a real value
  if (node.is("Resize") && !crop) return one(resize_smooth(node, inputs, from, to));
  return std::nullopt;
}

// --- changes of encoding, and everything else
// ------------------------------------------------------------------

Tensor convert(const Graph& g, const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const Encoding &from = encoding_of(g, node.input(0)), &to = encoding_of(g, node.output(0));
  if (from.defined() && to.defined()) {
    if (is_per_tensor(from) && is_per_tensor(to)) return rescaled(node, x, from, to);
    return encoded(node, decoded(node, x, from), to);
  }
  if (from.defined()) {
    const Tensor real = decoded(node, x, from);
    const DType wanted = g.value(node.outputs[0]).type.dtype;
    return is_float(wanted) && wanted != DType::kF32 ? real.cast(wanted) : real;
  }
  require(node, to.defined(), "neither the input nor the output is encoded");
  return encoded(node, x, to);
}

Tensors run_in_float(const Graph& g, const Node& node, Inputs inputs) {
  Tensors args(inputs.begin(), inputs.end());
  for (size_t i = 0; i < args.size() && i < node.inputs.size(); ++i)
    if (args[i].defined() && encoding_of(g, node.inputs[i]).defined())
      args[i] = decoded(node, args[i], encoding_of(g, node.inputs[i]));
  Tensors outputs = run_plain_node(g, node, args);
  for (size_t i = 0; i < outputs.size() && i < node.outputs.size(); ++i)
    if (outputs[i].defined() && encoding_of(g, node.outputs[i]).defined())
      outputs[i] = encoded(node, outputs[i], encoding_of(g, node.outputs[i]));
  return outputs;
}

// The node on its own: only its own output ends a chain.
std::optional<Tensors> run_chain_of_one(const Graph& g, const Node& node, Inputs inputs) {
  const ValueId out = node.output(0);
  const bool weighted = node.is("Conv") || node.is("ConvTranspose") || node.is("Gemm") || node.is("MatMul");
  if (weighted && !encoding_of(g, out).defined()) {
    const auto sums = accumulate(g, node, inputs);
    return sums ? std::optional<Tensors>(one(real_sums(node, *sums))) : std::nullopt;
  }
  const NodeId id = g.value(out).producer;
  if (!id || !encoding_of(g, out).defined()) return std::nullopt;
  const auto chain = match_integer_chain(g, id);
  if (!chain) return std::nullopt;
  auto y = run_integer_chain(g, *chain, inputs, {});
  return y ? std::optional<Tensors>(one(std::move(*y))) : std::nullopt;
}

}  // namespace

bool touches_codes(const Graph& g, const Node& node) {
  const auto is_encoded = [&](ValueId v) { return v && g.value(v).type.encoded(); };
  return node.domain == "precis" || std::any_of(node.inputs.begin(), node.inputs.end(), is_encoded) ||
         std::any_of(node.outputs.begin(), node.outputs.end(), is_encoded);
}

bool runs_on_codes(const Graph& g, const Node& node) {
  if (node.domain == "precis") return true;
  const Encoding &from = encoding_of(g, node.input(0)), &to = encoding_of(g, node.output(0));
  if (is_mover(g, node)) return is_per_tensor(from);
  if (averages_codes(g, node)) return true;
  if (node.is("Concat") || node.is("Resize")) return is_per_tensor(from) && is_per_tensor(to);
  const NodeId id = node.output(0) ? g.value(node.outputs[0]).producer : NodeId{};
  return id && match_integer_chain(g, id).has_value();
}

Tensors run_encoded_node(const Graph& g, const Node& node, Inputs inputs) {
  if (node.is_precis("Quantize") || node.is_precis("Dequantize") || node.is_precis("Requantize"))
    return one(convert(g, node, inputs));
  if (auto y = run_chain_of_one(g, node, inputs)) return std::move(*y);
  if (auto y = run_mover(g, node, inputs)) return std::move(*y);
  if (auto y = run_concat(g, node, inputs)) return std::move(*y);
  if (auto y = run_average_or_resize(g, node, inputs)) return std::move(*y);
  return run_in_float(g, node, inputs);
}

std::optional<Tensor> run_integer_chain(const Graph& g, const IntegerChain& chain, Inputs inputs,
                                        const Tensor& residual) {
  const Node& node = g.node(chain.main);
  if (node.is("Add") || node.is("Sub") || node.is("Mul")) return combined(g, chain, inputs);
  if (node.is("BatchNormalization")) return mapped(g, chain, inputs);
  const auto sums = accumulate(g, node, inputs);
  if (!sums || (residual.defined() && residual.shape() != sums->sums.shape())) return std::nullopt;
  return requantized_sums(g, chain, *sums, residual);
}

}  // namespace precis::runtime
