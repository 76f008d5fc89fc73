// Convolution and matrix product, in float and on integers: Conv, ConvTranspose, MatMul, Gemm, ConvInteger,
// MatMulInteger, QLinearConv, QLinearMatMul.
#include "precis/kernels/reference/codes.h"
#include "precis/kernels/reference/conv.h"
#include "precis/runtime/reference_linear.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;
using ref::BinaryOp;

void add_bias(const Node& node, Inputs inputs, Tensor& y) {
  const Tensor* bias = optional(inputs, 2);
  if (bias == nullptr) return;
  const int64_t channels = y.shape()[1];
  required(node, inputs, 2, y.dtype(), channels);
  for_float(node, y.dtype(), [&](auto t) {
    using T = decltype(t);
    ref::add_channel_bias(y.shape()[0], channels, y.shape().inner(2), ptr<T>(*bias), ptr<T>(y));
  });
}

Tensors conv(const Node& node, Inputs inputs) {
  Tensor y = convolve(node, required(node, inputs, 0), required(node, inputs, 1));
  add_bias(node, inputs, y);
  return one(std::move(y));
}

Tensors conv_transpose(const Node& node, Inputs inputs) {
  Tensor y = convolve_transposed(node, required(node, inputs, 0), required(node, inputs, 1));
  add_bias(node, inputs, y);
  return one(std::move(y));
}

Tensors matmul(const Node& node, Inputs inputs) {
  return one(matrix_product(node, required(node, inputs, 0), required(node, inputs, 1)));
}

Tensors gemm(const Node& node, Inputs inputs) {
  Tensor y = gemm_product(node, required(node, inputs, 0), required(node, inputs, 1));
  const float alpha = node.get_float("alpha", 1), beta = node.get_float("beta", 1);
  const auto scaled = [&](const Tensor& t, float factor) {
    if (factor == 1) return t;
    return for_float(node, t.dtype(), [&](auto zero) {
      return broadcast_binary(BinaryOp::kMul, node, t, Tensor::scalar(static_cast<decltype(zero)>(factor)));
    });
  };
  y = scaled(y, alpha);
  if (const Tensor* c = optional(inputs, 2)) {
    const Tensor sum = broadcast_binary(BinaryOp::kAdd, node, y, scaled(*c, beta));
    require(node, sum.shape() == y.shape(), "input C of shape {} does not broadcast to {}", c->shape().str(),
            y.shape().str());
    y = sum;
  }
  return one(std::move(y));
}

Tensors conv_integer(const Node& node, Inputs inputs) {
  const Tensor x = centered(node, required(node, inputs, 0), optional(inputs, 2), -1);
  const Tensor w = centered(node, required(node, inputs, 1), optional(inputs, 3), 0);
  return one(convolve(node, x, w));
}

// A zero point or scale per row of a matrix: [M] means [M, 1].
Tensor per_row(const Tensor& t, int rank) {
  return t.shape().rank() == 1 && t.numel() > 1 && rank > 1 ? t.reshaped({t.numel(), 1}) : t;
}

Tensor centered_rows(const Node& node, const Tensor& a, const Tensor* zero_points) {
  if (zero_points == nullptr) return centered(node, a, 0);
  const Tensor rows = per_row(*zero_points, a.shape().rank());
  return centered(node, a, &rows, -1);
}

Tensors matmul_integer(const Node& node, Inputs inputs) {
  const Tensor a = centered_rows(node, required(node, inputs, 0), optional(inputs, 2));
  const Tensor b = centered(node, required(node, inputs, 1), optional(inputs, 3), -1);
  return one(matrix_product(node, a, b));
}

ref::OutputGrid grid_of_zero_point(const Node& node, const Tensor& zp) {
  require(node, zp.numel() == 1, "the output's zero point has shape {}, expected one value",
          zp.shape().str());
  return {static_cast<int32_t>(zp.at_int(0)), static_cast<int32_t>(dtype_min(zp.dtype())),
          static_cast<int32_t>(dtype_max(zp.dtype()))};
}

float one_scale(const Node& node, Inputs inputs, size_t i) {
  const Tensor& t = required(node, inputs, i);
  require(node, is_float(t.dtype()) && t.numel() == 1,
          "input {} has shape {} and type {}, expected one float", i, t.shape().str(), dtype_name(t.dtype()));
  return static_cast<float>(t.at_double(0));
}

Tensors qlinear_conv(const Node& node, Inputs inputs) {
  const Tensor x = centered(node, required(node, inputs, 0), &required(node, inputs, 2), -1);
  const Tensor w = centered(node, required(node, inputs, 3), &required(node, inputs, 5), 0);
  const float sx = one_scale(node, inputs, 1), sy = one_scale(node, inputs, 6);
  const Tensor& sw = required(node, inputs, 4);
  const Tensor& zp = required(node, inputs, 7);
  Tensor acc = convolve(node, x, w);
  const int64_t channels = acc.shape()[1], inner = acc.shape().inner(2);
  require(node, is_float(sw.dtype()) && (sw.numel() == 1 || sw.numel() == channels),
          "the weights' scale has {} values for {} channels", sw.numel(), channels);
  const Tensor* bias = optional(inputs, 8) ? &required(node, inputs, 8, DType::kI32, channels) : nullptr;
  ref::Requantize p;
  p.grid = grid_of_zero_point(node, zp);
  int32_t* values = ptr<int32_t>(acc);
  for (int64_t n = 0; n < acc.shape()[0]; ++n)
    for (int64_t c = 0; c < channels; ++c) {
      p.multiplier =
          ref::requantize_multiplier(sx, static_cast<float>(sw.at_double(sw.numel() == 1 ? 0 : c)), sy);
      p.bias = bias ? ptr<int32_t>(*bias)[c] : 0;
      for (int64_t i = 0; i < inner; ++i, ++values) *values = ref::requantize(p, *values);
    }
  return one(narrowed(node, acc, zp.dtype()));
}

Tensors qlinear_matmul(const Node& node, Inputs inputs) {
  const Tensor& a = required(node, inputs, 0);
  const Tensor left = centered_rows(node, a, &required(node, inputs, 2));
  const Tensor right = centered(node, required(node, inputs, 3), &required(node, inputs, 5), -1);
  const Tensor& zp = required(node, inputs, 7);
  const ref::OutputGrid grid = grid_of_zero_point(node, zp);
  const auto scale = [&](size_t i) { return required(node, inputs, i).cast(DType::kF64); };
  Tensor acc = matrix_product(node, left, right);
  const Tensor product =
      broadcast_binary(BinaryOp::kMul, node, per_row(scale(1), a.shape().rank()), scale(4));
  const Tensor multiplier = broadcast_binary(BinaryOp::kDiv, node, product, scale(6)).cast(DType::kF32);
  require(node, broadcast_shapes(multiplier.shape(), acc.shape()).numel() == acc.numel(),
          "scales of shape {} do not fit the result's shape {}", multiplier.shape().str(), acc.shape().str());
  const Tensor t = broadcast_binary(BinaryOp::kMul, node, acc.cast(DType::kF32), multiplier);
  for (int64_t i = 0; i < acc.numel(); ++i) ptr<int32_t>(acc)[i] = ref::round_to_grid(ptr<float>(t)[i], grid);
  return one(narrowed(node, acc, zp.dtype()));
}

constexpr ReferenceOp kOps[] = {
    {"", "Conv", widened<conv>},
    {"", "ConvInteger", conv_integer},
    {"", "ConvTranspose", widened<conv_transpose>},
    {"", "Gemm", widened<gemm>},
    {"", "MatMul", widened<matmul>},
    {"", "MatMulInteger", matmul_integer},
    {"", "QLinearConv", qlinear_conv},
    {"", "QLinearMatMul", qlinear_matmul},
};

}  // namespace

std::span<const ReferenceOp> linear_ops() { return kOps; }

}  // namespace precis::runtime
