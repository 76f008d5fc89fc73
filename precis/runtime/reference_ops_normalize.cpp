// Normalizations and softmax: BatchNormalization, LRN, LayerNormalization, RMSNormalization,
// InstanceNormalization, GroupNormalization, LpNormalization, MeanVarianceNormalization, Softmax,
// LogSoftmax, Hardmax.
#include <algorithm>
#include <cmath>

#include "precis/kernels/reference/normalize.h"
#include "precis/kernels/reference/softmax.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;
using ref::BinaryOp;

void require_channels(const Node& node, const Tensor& x) {
  require(node, x.shape().rank() >= 2, "input of shape {} has no channel dimension", x.shape().str());
}

// running = running * momentum + batch * (1 - momentum)
template <typename T>
Tensor blended(const Tensor& running, const Tensor& batch, float momentum) {
  Tensor r(running.dtype(), running.shape());
  for (int64_t c = 0; c < r.numel(); ++c)
    ptr<T>(r)[c] =
        ptr<T>(running)[c] * static_cast<T>(momentum) + ptr<T>(batch)[c] * static_cast<T>(1 - momentum);
  return r;
}

Tensors batch_normalization(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  require(node, x.shape().rank() >= 1, "input of shape {} has no channel dimension", x.shape().str());
  const int64_t channels = x.shape().rank() > 1 ? x.shape()[1] : 1;
  for (size_t i = 1; i <= 4; ++i) required(node, inputs, i, x.dtype(), channels);
  const bool training = node.get_int("training_mode", 0) != 0;
  const float momentum = node.get_float("momentum", 0.9f);
  Tensors outputs;
  outputs.emplace_back(x.dtype(), x.shape());
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    ref::BatchNormParams<T> p;
    p.batch = x.shape()[0];
    p.channels = channels;
    p.inner = x.shape().rank() > 2 ? x.shape().inner(2) : 1;
    p.epsilon = static_cast<T>(node.get_float("epsilon", 1e-5f));
    p.scale = ptr<T>(inputs[1]);
    p.bias = ptr<T>(inputs[2]);
    Tensor mean = inputs[3], variance = inputs[4];
    if (training) {
      mean = Tensor(x.dtype(), {channels});
      variance = Tensor(x.dtype(), {channels});
      ref::channel_moments(p.batch, p.channels, p.inner, ptr<T>(x), ptr<T>(mean), ptr<T>(variance));
      if (wants_output(node, 1)) outputs.push_back(blended<T>(inputs[3], mean, momentum));
      if (wants_output(node, 2)) outputs.push_back(blended<T>(inputs[4], variance, momentum));
    }
    p.mean = ptr<T>(std::as_const(mean));
    p.variance = ptr<T>(std::as_const(variance));
    ref::batch_norm(p, ptr<T>(x), ptr<T>(outputs[0]));
  });
  return outputs;
}

Tensors lrn(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  require_channels(node, x);
  ref::LrnParams p;
  p.size = node.get_int("size", 0);
  require(node, p.size >= 1, "attribute 'size' is {}, expected 1 or more", p.size);
  p.batch = x.shape()[0];
  p.channels = x.shape()[1];
  p.inner = x.shape().inner(2);
  p.alpha = node.get_float("alpha", 0.0001f);
  p.beta = node.get_float("beta", 0.75f);
  p.bias = node.get_float("bias", 1.0f);
  require_steps(node, static_cast<double>(x.numel()) * static_cast<double>(std::min(p.size, p.channels)));
  Tensor y(x.dtype(), x.shape());
  for_float(node, x.dtype(), [&](auto t) { ref::lrn(p, ptr<decltype(t)>(x), ptr<decltype(t)>(y)); });
  return one(std::move(y));
}

// y * scale + bias, broadcast; either may be null.
Tensor scaled(const Node& node, Tensor y, const Tensor* scale, const Tensor* bias) {
  if (scale) y = broadcast_binary(BinaryOp::kMul, node, y, *scale);
  if (bias) y = broadcast_binary(BinaryOp::kAdd, node, y, *bias);
  return y;
}

// The statistics are f32 whatever the type of x.
Tensors layer_normalization(const Node& node, Inputs inputs) {
  const Tensor& given = required(node, inputs, 0);
  Tensors args(inputs.begin(), inputs.end());
  const bool narrow = given.dtype() == DType::kF16 || given.dtype() == DType::kBF16;
  for (Tensor& t : args)
    if (narrow && t.defined()) t = t.cast(DType::kF32);
  const Tensor& x = args[0];
  const int axis = axis_of(node, node.get_int("axis", -1), x.shape().rank());
  const int64_t outer = x.shape().outer(axis), n = x.shape().inner(axis);
  std::vector<int64_t> stat_dims(x.shape().dims());
  for (int a = axis; a < x.shape().rank(); ++a) stat_dims[static_cast<size_t>(a)] = 1;
  Tensor y(x.dtype(), x.shape()), mean(x.dtype(), Shape(stat_dims)), inverse(x.dtype(), Shape(stat_dims));
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    ref::normalize_rows(outer, n, static_cast<T>(node.get_float("epsilon", 1e-5f)), ptr<T>(x), ptr<T>(y),
                        ptr<T>(mean), ptr<T>(inverse));
  });
  y = scaled(node, std::move(y), &required(node, args, 1), optional(args, 2));
  require(node, y.shape() == x.shape(), "a scale of shape {} does not broadcast to {}", args[1].shape().str(),
          x.shape().str());
  return {narrow ? y.cast(given.dtype()) : y, mean.cast(DType::kF32), inverse.cast(DType::kF32)};
}

Tensors rms_normalization(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int axis = axis_of(node, node.get_int("axis", -1), x.shape().rank());
  Tensor y(x.dtype(), x.shape());
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    ref::rms_normalize_rows(x.shape().outer(axis), x.shape().inner(axis),
                            static_cast<T>(node.get_float("epsilon", 1e-5f)), ptr<T>(x), ptr<T>(y));
  });
  y = scaled(node, std::move(y), &required(node, inputs, 1), nullptr);
  require(node, y.shape() == x.shape(), "a scale of shape {} does not broadcast to {}",
          inputs[1].shape().str(), x.shape().str());
  return one(std::move(y));
}

// [C] as [C, 1, 1 ...], to broadcast over a tensor of `rank` whose dimension 1 is C.
Tensor per_channel(const Tensor& t, int rank) {
  std::vector<int64_t> dims(static_cast<size_t>(rank - 1), 1);
  dims[0] = t.numel();
  return t.reshaped(Shape(std::move(dims)));
}

// Each group of channels of each sample is normalized on its own.
Tensors normalize_groups(const Node& node, Inputs inputs, int64_t groups) {
  const Tensor& x = required(node, inputs, 0);
  require_channels(node, x);
  const int64_t channels = x.shape()[1];
  require(node, groups >= 1 && channels % groups == 0, "{} groups do not divide {} channels", groups,
          channels);
  const Tensor& scale = required(node, inputs, 1, x.dtype(), channels);
  const Tensor& bias = required(node, inputs, 2, x.dtype(), channels);
  // Any number of groups divides no channels.
  const int64_t outer = x.numel() == 0 ? 0 : checked_mul(x.shape()[0], groups);
  Tensor y(x.dtype(), x.shape());
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    ref::normalize_rows(outer, outer == 0 ? 0 : x.numel() / outer,
                        static_cast<T>(node.get_float("epsilon", 1e-5f)), ptr<T>(x), ptr<T>(y),
                        static_cast<T*>(nullptr), static_cast<T*>(nullptr));
  });
  const int rank = x.shape().rank();
  const Tensor s = per_channel(scale, rank), b = per_channel(bias, rank);
  return one(scaled(node, std::move(y), &s, &b));
}

Tensors instance_normalization(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  require_channels(node, x);
  return normalize_groups(node, inputs, x.shape()[1]);
}

Tensors group_normalization(const Node& node, Inputs inputs) {
  return normalize_groups(node, inputs, node.get_int("num_groups", 0));
}

Tensors lp_normalization(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int axis = axis_of(node, node.get_int("axis", -1), x.shape().rank());
  const int64_t p = node.get_int("p", 2);
  require(node, p == 1 || p == 2, "attribute 'p' is {}, expected 1 or 2", p);
  Tensor y(x.dtype(), x.shape());
  for_float(node, x.dtype(), [&](auto t) {
    using T = decltype(t);
    ref::lp_normalize(x.shape().outer(axis), x.shape()[axis], x.shape().inner(axis + 1), p, ptr<T>(x),
                      ptr<T>(y));
  });
  return one(std::move(y));
}

Tensors mean_variance_normalization(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const auto axes = axes_of(node, node.get_ints("axes", {0, 2, 3}), x.shape().rank());
  std::vector<int64_t> group_strides(x.shape().dims().size(), 0);
  int64_t groups = 1;
  for (int a = x.shape().rank() - 1; a >= 0; --a) {
    if (std::binary_search(axes.begin(), axes.end(), a)) continue;
    group_strides[static_cast<size_t>(a)] = groups;
    groups *= x.shape()[a];
  }
  Tensor y(x.dtype(), x.shape());
  if (x.numel() == 0) return one(std::move(y));
  const auto walk = ref::make_walk<2>(x.shape().dims(), {x.shape().strides(), group_strides});
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    ref::normalize_groups(walk, groups, x.numel() / groups, static_cast<T>(1e-9), ptr<T>(x), ptr<T>(y));
  });
  return one(std::move(y));
}

template <ref::SoftmaxOp op>
Tensors softmax(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int axis = axis_of(node, node.get_int("axis", -1), x.shape().rank());
  Tensor y(x.dtype(), x.shape());
  for_float(node, x.dtype(), [&](auto t) {
    using T = decltype(t);
    ref::softmax(op, x.shape().outer(axis), x.shape()[axis], x.shape().inner(axis + 1), ptr<T>(x), ptr<T>(y));
  });
  return one(std::move(y));
}

constexpr ReferenceOp kOps[] = {
    {"", "BatchNormalization", widened<batch_normalization>},
    {"", "GroupNormalization", widened<group_normalization>},
    {"", "Hardmax", widened<softmax<ref::SoftmaxOp::kHardmax>>},
    {"", "InstanceNormalization", widened<instance_normalization>},
    {"", "LRN", widened<lrn>},
    {"", "LayerNormalization", layer_normalization},
    {"", "LogSoftmax", widened<softmax<ref::SoftmaxOp::kLogSoftmax>>},
    {"", "LpNormalization", widened<lp_normalization>},
    {"", "MeanVarianceNormalization", widened<mean_variance_normalization>},
    {"", "RMSNormalization", widened<rms_normalization>},
    {"", "Softmax", widened<softmax<ref::SoftmaxOp::kSoftmax>>},
};

}  // namespace

std::span<const ReferenceOp> normalize_ops() { return kOps; }

}  // namespace precis::runtime
