// Attention, RotaryEmbedding, LinearAttention, CausalConvWithState.
#include <algorithm>
#include <cmath>
#include <limits>

#include "precis/graph/onnx_dtype.h"
#include "precis/kernels/reference/attention.h"
#include "precis/runtime/attention_geometry.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

// `past` followed by `rows`, as [batch, heads, length, size].
template <typename T>
Tensor joined(const Node& node, const Tensor* past, const Tensor& rows, const Heads& h) {
  const int64_t before = past ? past->shape()[2] : 0, total = checked_add(before, h.length);
  if (past)
    require(node, past->shape() == Shape({h.batch, h.heads, before, h.size}),
            "a past state has shape {}, expected {}", past->shape().str(),
            Shape({h.batch, h.heads, before, h.size}).str());
  Tensor all(rows.dtype(), {h.batch, h.heads, total, h.size});
  T* to = ptr<T>(all);
  for (int64_t b = 0; b < h.batch; ++b)
    for (int64_t head = 0; head < h.heads; ++head) {
      if (past) to = std::copy_n(ptr<T>(*past) + (b * h.heads + head) * before * h.size, before * h.size, to);
      const T* from = ptr<T>(rows) + b * h.strides.batch + head * h.strides.head;
      for (int64_t i = 0; i < h.length; ++i) to = std::copy_n(from + i * h.strides.row, h.size, to);
    }
  return all;
}

// What is added to the scores: true is 0, false is minus infinity, numbers are themselves.
Tensor additive(const Tensor& mask, DType dtype) {
  if (mask.dtype() != DType::kBool) return mask.cast(dtype);
  Tensor t(DType::kF32, mask.shape());
  for (int64_t i = 0; i < mask.numel(); ++i)
    ptr<float>(t)[i] = bool_ptr(mask)[i] != 0 ? 0.0f : -std::numeric_limits<float>::infinity();
  return t.cast(dtype);
}

// The type in which a node with inputs of these types computes.
DType compute_type(Inputs inputs) {
  for (size_t i = 0; i < 3; ++i)
    if (inputs[i].dtype() == DType::kF64) return DType::kF64;
  return DType::kF32;
}

const int64_t* key_counts(const Node& node, Inputs inputs, const ref::AttentionParams& p) {
  if (optional(inputs, 6) == nullptr) return nullptr;
  const Tensor& counts = required(node, inputs, 6, DType::kI64, p.batch);
  for (const int64_t n : counts.data<int64_t>())
    require(node, n >= 0 && n <= p.keys, "nonpad_kv_seqlen holds {}, expected 0 to the {} keys", n, p.keys);
  return ptr<int64_t>(counts);
}

Tensors attention(const Node& node, Inputs given) {
  for (size_t i = 0; i < 3; ++i) required(node, given, i);
  const DType dtype = compute_type(given);
  Tensors inputs(given.begin(), given.end());
  for (size_t i : {0, 1, 2, 4, 5})
    if (i < inputs.size() && inputs[i].defined()) inputs[i] = inputs[i].cast(dtype);
  const Heads q = heads_of(node, inputs[0].shape(), "q_num_heads"),
              k = heads_of(node, inputs[1].shape(), "kv_num_heads"),
              v = heads_of(node, inputs[2].shape(), "kv_num_heads");
  for (size_t i : {4, 5})
    if (const Tensor* past = optional(inputs, i))
      require(node, past->shape().rank() == 4, "a past state has shape {}, expected four dimensions",
              past->shape().str());
  ref::AttentionParams p =
      attention_params(node, q, k, v, optional(inputs, 4) ? inputs[4].shape()[2] : int64_t{-1});
  p.k = {checked_mul(k.heads, checked_mul(p.keys, k.size)), p.keys * k.size, k.size};
  p.v = {checked_mul(v.heads, checked_mul(p.keys, v.size)), p.keys * v.size, v.size};
  p.lengths = key_counts(node, inputs, p);
  const Tensor mask = optional(inputs, 3) ? additive(inputs[3], dtype) : Tensor();
  if (mask.defined()) set_mask(node, mask.shape(), p);
  Tensor y(dtype, attention_result(inputs[0].shape(), q, v));
  p.y = heads_of(node, y.shape(), "q_num_heads").strides;
  Tensor keys, values,
      scores = wants_output(node, 3) ? Tensor(dtype, {p.batch, p.q_heads, p.queries, p.keys}) : Tensor();
  const bool wide_softmax = node.get_int("softmax_precision", 1) == onnx_code(DType::kF64);
  for_float(node, dtype, [&](auto zero) {
    using T = decltype(zero);
    keys = joined<T>(node, optional(inputs, 4), inputs[1], k);
    values = joined<T>(node, optional(inputs, 5), inputs[2], v);
    require(node, keys.shape()[2] == values.shape()[2], "past_key and past_value have different lengths");
    const auto run = wide_softmax ? ref::attention<T, double> : ref::attention<T, T>;
    run(p, ptr<T>(inputs[0]), ptr<T>(std::as_const(keys)), ptr<T>(std::as_const(values)),
        mask.defined() ? ptr<T>(mask) : nullptr, ptr<T>(y), scores.defined() ? ptr<T>(scores) : nullptr);
  });
  const DType first = given[0].dtype();
  return {y.cast(first), keys.cast(first), values.cast(given[2].dtype()),
          scores.defined() ? scores.cast(first) : scores};
}

Tensors rotary_embedding(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const Tensor &cosines = required(node, inputs, 1, x.dtype()), &sines = required(node, inputs, 2, x.dtype());
  const bool positions = optional(inputs, 3) != nullptr;
  ref::RotaryParams p = rotary_params(node, x.shape(), cosines.shape(), sines.shape(), positions);
  if (positions) {
    const Tensor& ids = required(node, inputs, 3, DType::kI64, checked_mul(p.batch, p.length));
    require_positions(node, ptr<int64_t>(ids), ids.numel(), cosines.shape()[0]);
    p.positions = ptr<int64_t>(ids);
  }
  Tensor y(x.dtype(), x.shape());
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    ref::rotary_embedding(p, ptr<T>(x), ptr<T>(cosines), ptr<T>(sines), ptr<T>(y));
  });
  return one(std::move(y));
}

ref::LinearAttentionParams linear_params(const Node& node, Inputs inputs) {
  for (size_t i = 0; i < 3; ++i)
    require(node, required(node, inputs, i).shape().rank() == 3,
            "input {} has shape {}, expected three dimensions", i, inputs[i].shape().str());
  const Heads q = heads_of(node, required(node, inputs, 0).shape(), "q_num_heads"),
              k = heads_of(node, required(node, inputs, 1).shape(), "kv_num_heads"),
              v = heads_of(node, required(node, inputs, 2).shape(), "kv_num_heads");
  require(node,
          q.batch == k.batch && q.batch == v.batch && q.length == k.length && q.length == v.length &&
              q.size == k.size && q.heads % k.heads == 0,
          "query, key and value of shapes {}, {} and {} do not fit", inputs[0].shape().str(),
          inputs[1].shape().str(), inputs[2].shape().str());
  ref::LinearAttentionParams p;
  p.batch = q.batch, p.steps = q.length, p.q_heads = q.heads, p.kv_heads = k.heads, p.size = q.size,
  p.v_size = v.size;
  const float scale = node.get_float("scale", 0);
  p.scale = scale != 0 ? static_cast<double>(scale) : 1 / std::sqrt(static_cast<double>(q.size));
  const auto a_step = [&](size_t i, int64_t most, const char* what) -> int64_t {
    const Tensor* t = optional(inputs, i);
    if (t == nullptr) return 0;
    const Shape& s = t->shape();
    require(node, s.rank() == 3 && s[0] == p.batch && s[1] == p.steps && (s[2] == k.heads || s[2] == most),
            "{} has shape {}, expected {} x {} x {}", what, s.str(), p.batch, p.steps, k.heads);
    return s[2];
  };
  p.decays = a_step(4, checked_mul(k.heads, k.size), "decay");
  p.betas = a_step(5, 1, "beta");
  return p;
}

// Computes in f32 for narrower types; each of query and state keeps its own.
Tensors linear_attention(const Node& node, Inputs given) {
  const DType result = required(node, given, 0).dtype();
  const DType state_type = optional(given, 3) ? given[3].dtype() : result;
  const DType dtype = result == DType::kF64 ? DType::kF64 : DType::kF32;
  Tensors inputs(given.begin(), given.end());
  for (Tensor& t : inputs)
    if (t.defined()) t = t.cast(dtype);
  const ref::LinearAttentionParams p = linear_params(node, inputs);
  const std::string rule = node.get_string("update_rule", "gated_delta");
  const bool decays = rule == "gated" || rule == "gated_delta",
             corrects = rule == "delta" || rule == "gated_delta";
  require(node, (optional(inputs, 4) != nullptr) == decays && (optional(inputs, 5) != nullptr) == corrects,
          "decay or beta do not go with the update rule '{}'", rule);
  const Shape state_shape{p.batch, p.kv_heads, p.size, p.v_size};
  Tensor state = optional(inputs, 3) ? inputs[3].clone() : Tensor(dtype, state_shape);
  require(node, state.shape() == state_shape, "past_state has shape {}, expected {}", state.shape().str(),
          state_shape.str());
  Tensor y(dtype, {p.batch, p.steps, checked_mul(p.q_heads, p.v_size)});
  for_float(node, dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto data = [&](size_t i) {
      return optional(inputs, i) ? ptr<T>(std::as_const(inputs[i])) : nullptr;
    };
    ref::linear_attention(p, data(0), data(1), data(2), data(4), data(5), ptr<T>(state), ptr<T>(y));
  });
  return {y.cast(result), state.cast(state_type)};
}

Tensors causal_conv(const Node& node, Inputs inputs) {
  const Tensor &x = required(node, inputs, 0), &w = required(node, inputs, 1, x.dtype());
  require(node,
          x.shape().rank() == 3 && w.shape().rank() == 3 && w.shape()[0] == x.shape()[1] &&
              w.shape()[1] == 1 && w.shape()[2] >= 1,
          "input and weight of shapes {} and {} do not fit", x.shape().str(), w.shape().str());
  ref::CausalConvParams p;
  p.batch = x.shape()[0], p.channels = x.shape()[1], p.length = x.shape()[2], p.kernel = w.shape()[2];
  const std::string activation = node.get_string("activation", "none");
  require(node, activation == "none" || activation == "silu" || activation == "swish",
          "attribute 'activation' is '{}', expected none, silu or swish", activation);
  p.silu = activation != "none";
  const Shape state{p.batch, p.channels, p.kernel - 1};
  if (optional(inputs, 2)) required(node, inputs, 2, x.dtype(), p.channels);
  if (optional(inputs, 3))
    require(node, required(node, inputs, 3, x.dtype()).shape() == state,
            "past_state has shape {}, expected {}", inputs[3].shape().str(), state.str());
  Tensor y(x.dtype(), x.shape()), next(x.dtype(), state);
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto data = [&](size_t i) { return optional(inputs, i) ? ptr<T>(inputs[i]) : nullptr; };
    ref::causal_conv(p, data(0), data(1), data(2), data(3), ptr<T>(y), ptr<T>(next));
  });
  return {std::move(y), std::move(next)};
}

constexpr ReferenceOp kOps[] = {
    {"", "Attention", attention},
    {"", "CausalConvWithState", widened<causal_conv>},
    {"", "LinearAttention", linear_attention},
    {"", "RotaryEmbedding", widened<rotary_embedding>},
};

}  // namespace

std::span<const ReferenceOp> attention_ops() { return kOps; }

}  // namespace precis::runtime
