// Convolution and matrix product, in float and on integers: Conv, ConvTranspose, MatMul, Gemm, ConvInteger,
// MatMulInteger, QLinearConv, QLinearMatMul.
#include <algorithm>

#include "precis/kernels/reference/codes.h"
#include "precis/kernels/reference/conv.h"
#include "precis/kernels/reference/matmul.h"
#include "precis/runtime/reference_geometry.h"
#include "precis/runtime/reference_linear.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;
using ref::BinaryOp;

// Calls f(T{}) for the types that convolutions take.
template <typename F>
void for_sum_type(const Node& node, const Tensor& a, const Tensor& b, F f) {
  require(node, a.dtype() == b.dtype(), "operands have types {} and {}, expected the same",
          dtype_name(a.dtype()), dtype_name(b.dtype()));
  if (a.dtype() == DType::kI32) return f(int32_t{});
  for_float(node, a.dtype(), f);
}

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

// Shapes [.., rows, columns] of the operands of MatMul; vectors become matrices.
Shape as_matrix(const Shape& s, bool row) {
  if (s.rank() != 1) return s;
  return row ? Shape{1, s[0]} : Shape{s[0], 1};
}

Shape batch_of(const Shape& s) { return Shape(std::vector<int64_t>(s.dims().begin(), s.dims().end() - 2)); }

}  // namespace

std::span<const ReferenceOp> linear_ops() { return kOps; }

Tensor convolve(const Node& node, const Tensor& x, const Tensor& w) {
  const ref::ConvParams p = conv_params(node, x.shape(), w.shape());
  Tensor y(x.dtype(), output_shape(x.shape(), p.out_channels, p.window.out));
  for_sum_type(node, x, w, [&](auto t) {
    using T = decltype(t);
    ref::conv(p, ptr<T>(x), ptr<T>(w), ptr<T>(y));
  });
  return y;
}

Tensor convolve_transposed(const Node& node, const Tensor& x, const Tensor& w) {
  const ref::ConvParams p = conv_transpose_params(node, x.shape(), w.shape());
  Tensor y(x.dtype(), output_shape(x.shape(), p.out_channels, p.window.in));
  for_sum_type(node, x, w, [&](auto t) {
    using T = decltype(t);
    ref::conv_transpose(p, ptr<T>(x), ptr<T>(w), ptr<T>(y));
  });
  return y;
}

Tensor matrix_product(const Node& node, const Tensor& a, const Tensor& b) {
  require(node, a.dtype() == b.dtype(), "operands have types {} and {}, expected the same",
          dtype_name(a.dtype()), dtype_name(b.dtype()));
  require(node, a.shape().rank() >= 1 && b.shape().rank() >= 1,
          "operands of shapes {} and {}: a scalar has no matrix product", a.shape().str(), b.shape().str());
  const Shape sa = as_matrix(a.shape(), true), sb = as_matrix(b.shape(), false);
  ref::MatmulParams p;
  p.m = sa[sa.rank() - 2];
  p.k = sa[sa.rank() - 1];
  p.n = sb[sb.rank() - 1];
  require(node, sb[sb.rank() - 2] == p.k, "operands of shapes {} and {} do not fit: {} columns and {} rows",
          a.shape().str(), b.shape().str(), p.k, sb[sb.rank() - 2]);
  p.a_row = p.k;
  p.b_row = p.n;
  p.a_col = p.b_col = 1;
  const Shape batch = broadcast_shapes(batch_of(sa), batch_of(sb));
  std::vector<int64_t> dims = batch.dims();
  if (a.shape().rank() > 1) dims.push_back(p.m);
  if (b.shape().rank() > 1) dims.push_back(p.n);
  Tensor y(a.dtype(), Shape(std::move(dims)));
  const auto walk = ref::broadcast_walk(batch_of(sa), batch_of(sb), batch);
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    ref::for_each_row(walk, [&](const auto& at, int64_t n, const auto& step) {
      for (int64_t i = 0; i < n; ++i)
        ref::matmul(p, ptr<T>(a) + (at[0] + i * step[0]) * p.m * p.k,
                    ptr<T>(b) + (at[1] + i * step[1]) * p.k * p.n,
                    ptr<T>(y) + (at[2] + i * step[2]) * p.m * p.n);
    });
  };
  switch (a.dtype()) {
    case DType::kI32:
      run(int32_t{});
      break;
    case DType::kU32:
      run(uint32_t{});
      break;
    case DType::kI64:
      run(int64_t{});
      break;
    case DType::kU64:
      run(uint64_t{});
      break;
    default:
      for_float(node, a.dtype(), run);
  }
  return y;
}

Tensor gemm_product(const Node& node, const Tensor& a, const Tensor& b) {
  require(node, a.shape().rank() == 2 && b.shape().rank() == 2,
          "operands have shapes {} and {}, expected two matrices", a.shape().str(), b.shape().str());
  const int ta = node.get_int("transA", 0) != 0, tb = node.get_int("transB", 0) != 0;
  ref::MatmulParams p;
  p.m = a.shape()[ta];
  p.k = a.shape()[1 - ta];
  p.n = b.shape()[1 - tb];
  require(node, b.shape()[tb] == p.k, "operands of shapes {} and {} (transA={}, transB={}) do not fit",
          a.shape().str(), b.shape().str(), ta, tb);
  (ta ? p.a_col : p.a_row) = a.shape()[1];
  (ta ? p.a_row : p.a_col) = 1;
  (tb ? p.b_col : p.b_row) = b.shape()[1];
  (tb ? p.b_row : p.b_col) = 1;
  Tensor y(a.dtype(), {p.m, p.n});
  for_sum_type(node, a, b, [&](auto t) {
    using T = decltype(t);
    ref::matmul(p, ptr<T>(a), ptr<T>(b), ptr<T>(y));
  });
  return y;
}

Tensor linear_product(const Node& node, const Tensor& a, const Tensor& b) {
  if (node.is("Conv") || node.is("ConvInteger")) return convolve(node, a, b);
  if (node.is("ConvTranspose")) return convolve_transposed(node, a, b);
  return node.is("Gemm") ? gemm_product(node, a, b) : matrix_product(node, a, b);
}

Tensor centered(const Node& node, const Tensor& codes, const Tensor* zero_points, int axis) {
  if (zero_points == nullptr) return centered(node, codes, 0);
  if (zero_points->numel() == 1) return centered(node, codes, static_cast<int32_t>(zero_points->at_int(0)));
  Tensor zp = zero_points->cast(DType::kI32);
  if (axis >= 0) {
    require(node, axis < codes.shape().rank() && zp.numel() == codes.shape()[axis],
            "{} zero points do not fit axis {} of shape {}", zp.numel(), axis, codes.shape().str());
    std::vector<int64_t> dims(static_cast<size_t>(codes.shape().rank() - axis), 1);
    dims[0] = zp.numel();
    zp = zp.reshaped(Shape(std::move(dims)));
  }
  return broadcast_binary(BinaryOp::kSub, node, codes.cast(DType::kI32), zp);
}

Tensor centered(const Node& node, const Tensor& codes, int32_t zero_point) {
  const Tensor wide =
      dtype_bits(codes.dtype()) < 8 ? codes.cast(is_signed(codes.dtype()) ? DType::kI8 : DType::kU8) : codes;
  Tensor y(DType::kI32, wide.shape());
  const auto run = [&](auto t) {
    ref::center_codes(wide.numel(), ptr<decltype(t)>(wide), zero_point, ptr<int32_t>(y));
  };
  switch (wide.dtype()) {
    case DType::kI8:
      run(int8_t{});
      break;
    case DType::kU8:
      run(uint8_t{});
      break;
    case DType::kI16:
      run(int16_t{});
      break;
    case DType::kU16:
      run(uint16_t{});
      break;
    case DType::kI32:
      run(int32_t{});
      break;
    default:
      fail_dtype(node, wide.dtype());
  }
  return y;
}

Tensor narrowed(const Node& node, const Tensor& values, DType dtype) {
  if (dtype == DType::kI32) return values;
  if (dtype_bits(dtype) < 8) return values.cast(dtype);
  Tensor y(dtype, values.shape());
  const auto run = [&](auto t) {
    ref::narrow_codes(values.numel(), ptr<int32_t>(values), ptr<decltype(t)>(y));
  };
  switch (dtype) {
    case DType::kI8:
      run(int8_t{});
      break;
    case DType::kU8:
      run(uint8_t{});
      break;
    case DType::kI16:
      run(int16_t{});
      break;
    case DType::kU16:
      run(uint16_t{});
      break;
    default:
      fail_dtype(node, dtype);
  }
  return y;
}

}  // namespace precis::runtime
