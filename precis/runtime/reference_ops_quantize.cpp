// QuantizeLinear, DequantizeLinear (per tensor, per axis, blocked; integer codes and narrow floats) and
// DynamicQuantizeLinear; tensors by Encoding.
#include <algorithm>

#include "precis/graph/onnx_dtype.h"
#include "precis/kernels/reference/codes.h"
#include "precis/quant/scale_stretches.h"
#include "precis/quant/quantize.h"
#include "precis/runtime/reference_codes.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

// Calls f(C{}) with the type of the codes.
template <typename F>
void for_code(const Node& node, DType dtype, F f) {
  switch (dtype) {
    case DType::kI8:
      return f(int8_t{});
    case DType::kU8:
      return f(uint8_t{});
    case DType::kI16:
      return f(int16_t{});
    case DType::kU16:
      return f(uint16_t{});
    case DType::kI32:
      return f(int32_t{});
    default:
      fail_dtype(node, dtype);
  }
}

// [outer, blocks, inner] of an encoding with one scale per tensor or per index of one axis; false for other
// block forms.
struct Rows {
  int64_t outer = 1, count = 1, inner = 1;
};
bool as_rows(const Encoding& e, const Shape& shape, Rows& r) {
  if (e.grid != Encoding::Grid::kUniform || dtype_bits(e.code) < 8) return false;
  if (e.scales.empty()) {  // one for each index of an axis of none
    r = {0, 0, 0};
    return shape.numel() == 0;
  }
  const int axis = encoding_axis(e, shape);
  r = {1, 1, shape.numel()};
  if (axis == -1) return true;
  if (axis < 0 || static_cast<int64_t>(e.scales.size()) != shape[axis]) return false;
  r = {shape.outer(axis), shape[axis], shape.inner(axis + 1)};
  return true;
}

template <typename F>
void for_each_row(const Rows& r, F f) {
  int64_t at = 0;
  for (int64_t o = 0; o < r.outer; ++o)
    for (int64_t c = 0; c < r.count; ++c, at += r.inner) f(at, static_cast<size_t>(c));
}

void require_static(const Node& node, const Encoding& e) {
  if (e.dynamic) fail_node(node, ErrorCode::kUnsupported, "an encoding whose range is found at run time");
}

// The block lengths that scales of `scale_shape` mean for a tensor of `shape`.
std::vector<int64_t> block_of(const Node& node, const Shape& shape, const Shape& scale_shape) {
  const int64_t count = scale_shape.numel(), block = node.get_int("block_size", 0);
  if (block == 0 && count == 1 && scale_shape.rank() <= 1) return {};
  const int axis = axis_of(node, node.get_int("axis", 1), shape.rank());
  std::vector<int64_t> blocks = shape.dims();
  for (int64_t& b : blocks) b = std::max<int64_t>(b, 1);
  if (block == 0) {
    require(node, scale_shape.rank() == 1 && count == shape[axis],
            "scales of shape {} do not fit axis {} of shape {}", scale_shape.str(), axis, shape.str());
    blocks[static_cast<size_t>(axis)] = 1;
    return blocks;
  }
  require(node, block > 0 && scale_shape.rank() == shape.rank(),
          "scales of shape {} do not fit blocks of {} in shape {}", scale_shape.str(), block, shape.str());
  for (int a = 0; a < shape.rank(); ++a) {
    const int64_t expected = a == axis ? ceil_div(shape[a], block) : shape[a];
    require(node, scale_shape[a] == expected,
            "scales of shape {} do not fit blocks of {} along axis {} of shape {}", scale_shape.str(), block,
            axis, shape.str());
    blocks[static_cast<size_t>(a)] = a == axis ? block : 1;
  }
  return blocks;
}

Encoding encoding_of(const Node& node, const Shape& shape, const Tensor& scale, const Tensor* zero_point,
                     DType code) {
  require(node, is_float(scale.dtype()) || scale.dtype() == DType::kI32,
          "the scale has type {}, expected a float or i32", dtype_name(scale.dtype()));
  require(node, is_narrow_float(code) || (is_integer(code) && dtype_bits(code) <= 32 && code != DType::kU32),
          "codes of type {} are not supported", dtype_name(code));
  Encoding e = Encoding::per_tensor_uniform(code, 1, 0);
  e.block = block_of(node, shape, scale.shape());
  e.scales.clear();
  for (int64_t i = 0; i < scale.numel(); ++i) e.scales.push_back(static_cast<float>(scale.at_double(i)));
  if (zero_point == nullptr) return e;
  require(node, zero_point->numel() == scale.numel(), "{} zero points for {} scales", zero_point->numel(),
          scale.numel());
  if (is_narrow_float(code)) return e;  // those are real numbers: see zero_of
  for (int64_t i = 0; i < zero_point->numel(); ++i)
    e.zero_points.push_back(static_cast<int32_t>(zero_point->at_int(i)));
  return e;
}

float zero_of(const Tensor* zero_point, size_t i) {
  return zero_point == nullptr ? 0 : static_cast<float>(zero_point->at_double(static_cast<int64_t>(i)));
}

// x / scale in the precision that the node asks for: that of its scale, unless it says another.
Tensor scaled(const Node& node, const Tensor& x, const Tensor& scale, const Encoding& e) {
  const DType precision =
      node.has("precision") ? dtype_from_onnx_code(node.get_int("precision", 0)) : scale.dtype();
  Tensor y(DType::kF32, x.shape());
  quant::for_each_scaled(e, x.shape(), [&](int64_t i, size_t at) {
    ptr<float>(y)[i] = static_cast<float>(x.at_double(i)) / e.scales[at];
  });
  const bool half = precision == DType::kF16 || precision == DType::kBF16;
  return half ? y.cast(precision).cast(DType::kF32) : y;
}

// The encoding of what is scaled already.
Encoding unscaled(Encoding e) {
  std::fill(e.scales.begin(), e.scales.end(), 1.0f);
  return e;
}

DType code_of(const Node& node, const Tensor* zero_point) {
  const int64_t code = node.get_int("output_dtype", 0);
  if (code == 0) return zero_point ? zero_point->dtype() : DType::kU8;
  const DType d = dtype_from_onnx_code(code);
  if (d == DType::kUndefined)
    fail_node(node, ErrorCode::kUnsupported,
              "attribute 'output_dtype' names element type {}, which is not supported", code);
  require(node, zero_point == nullptr || zero_point->dtype() == d, "output_dtype is {}, the zero point {}",
          dtype_name(d), zero_point ? dtype_name(zero_point->dtype()) : "");
  return d;
}

Tensor to_narrow_floats(const Node& node, Tensor values, const Tensor* zero_point, const Encoding& e) {
  quant::for_each_scaled(
      e, values.shape(), [&](int64_t i, size_t at) { ptr<float>(values)[i] += zero_of(zero_point, at); });
  return values.cast(e.code, {.saturate = node.get_int("saturate", 1) != 0});
}

Tensor from_narrow_floats(const Tensor& codes, const Tensor* zero_point, const Encoding& e) {
  Tensor y = codes.cast(DType::kF32);
  quant::for_each_scaled(e, codes.shape(), [&](int64_t i, size_t at) {
    ptr<float>(y)[i] = (ptr<float>(y)[i] - zero_of(zero_point, at)) * e.scales[at];
  });
  return y;
}

Tensors quantize_linear(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const Tensor& scale = required(node, inputs, 1);
  const Tensor* zero_point = optional(inputs, 2);
  const Encoding e = encoding_of(node, x.shape(), scale, zero_point, code_of(node, zero_point));
  if (is_narrow_float(e.code)) return one(to_narrow_floats(node, scaled(node, x, scale, e), zero_point, e));
  if (scale.dtype() != DType::kF32 || node.has("precision"))
    return one(encoded(node, scaled(node, x, scale, e), unscaled(e)));
  return one(encoded(node, x, e));
}

Tensors dequantize_linear(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const Tensor& scale = required(node, inputs, 1);
  const Tensor* zero_point = optional(inputs, 2);
  require(node, zero_point == nullptr || zero_point->dtype() == x.dtype(),
          "the zero point has type {}, the codes {}", zero_point ? dtype_name(zero_point->dtype()) : "",
          dtype_name(x.dtype()));
  const int64_t wanted = node.get_int("output_dtype", 0);
  const DType dtype = wanted == 0 ? scale.dtype() : dtype_from_onnx_code(wanted);
  require(node, is_float(dtype), "attribute 'output_dtype' is {}, expected a float type", wanted);
  const Encoding e = encoding_of(node, x.shape(), scale, zero_point, x.dtype());
  const Tensor y = is_narrow_float(e.code) ? from_narrow_floats(x, zero_point, e) : decoded(node, x, e);
  return one(dtype == DType::kF32 ? y : y.cast(dtype));
}

Tensors dynamic_quantize_linear(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0, DType::kF32);
  const ref::DynamicGrid g = ref::dynamic_grid_u8(x.numel(), ptr<float>(x));
  Tensors outputs = one(encoded(node, x, Encoding::per_tensor_uniform(DType::kU8, g.scale, g.zero_point)));
  outputs.push_back(Tensor::scalar(g.scale));
  outputs.push_back(Tensor::scalar(static_cast<uint8_t>(g.zero_point)));
  return outputs;
}

constexpr ReferenceOp kOps[] = {
    {"", "DequantizeLinear", dequantize_linear},
    {"", "DynamicQuantizeLinear", dynamic_quantize_linear},
    {"", "QuantizeLinear", quantize_linear},
};

}  // namespace

std::span<const ReferenceOp> quantize_ops() { return kOps; }

Tensor encoded(const Node& node, const Tensor& real, const Encoding& e) {
  require_static(node, e);
  const Tensor x = real.dtype() == DType::kF32 ? real : real.cast(DType::kF32);
  Rows rows;
  if (!as_rows(e, x.shape(), rows)) return quant::quantize_tensor(x, e);
  Tensor y(e.code, x.shape());
  for_code(node, e.code, [&](auto zero) {
    using C = decltype(zero);
    for_each_row(rows, [&](int64_t at, size_t c) {
      ref::quantize(rows.inner, ptr<float>(x) + at, e.scales[c], {e.zero_point(c), e.code_min, e.code_max},
                    ptr<C>(y) + at);
    });
  });
  return y;
}

Tensor decoded(const Node& node, const Tensor& codes, const Encoding& e) {
  require_static(node, e);
  require(node, codes.dtype() == e.code, "codes have type {}, their encoding {}", dtype_name(codes.dtype()),
          dtype_name(e.code));
  Rows rows;
  if (!as_rows(e, codes.shape(), rows)) return quant::dequantize_tensor(codes, e);
  Tensor y(DType::kF32, codes.shape());
  for_code(node, e.code, [&](auto zero) {
    using C = decltype(zero);
    for_each_row(rows, [&](int64_t at, size_t c) {
      ref::dequantize(rows.inner, ptr<C>(codes) + at, e.scales[c], e.zero_point(c), ptr<float>(y) + at);
    });
  });
  return y;
}

}  // namespace precis::runtime
