// The sums of products behind every convolution and matrix product, and codes as centred i32 tensors.
#include "precis/runtime/reference_linear.h"

#include "precis/kernels/reference/codes.h"
#include "precis/kernels/reference/conv.h"
#include "precis/kernels/reference/matmul.h"
#include "precis/runtime/reference_geometry.h"

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

// Shapes [.., rows, columns] of the operands of MatMul; vectors become matrices.
Shape as_matrix(const Shape& s, bool row) {
  if (s.rank() != 1) return s;
  return row ? Shape{1, s[0]} : Shape{s[0], 1};
}

Shape batch_of(const Shape& s) { return Shape(std::vector<int64_t>(s.dims().begin(), s.dims().end() - 2)); }

}  // namespace

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
  Tensor y = broadcast_binary(BinaryOp::kSub, node, codes.cast(DType::kI32), zp);
  require(node, y.shape() == codes.shape(), "zero points of shape {} do not fit codes of shape {}",
          zp.shape().str(), codes.shape().str());
  return y;
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
