// Reading and making the parameters of Q/DQ nodes.
#include "precis/onnx/qdq_params.h"

#include <algorithm>
#include <cmath>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/graph/onnx_dtype.h"

namespace precis::onnx_io {
namespace {

bool is_code_type(DType d) { return is_integer(d) && dtype_bits(d) <= 32 && d != DType::kU32; }

bool read_scales(const Tensor& t, QdqParams& p) {
  const bool plain = is_float(t.dtype()) && !is_narrow_float(t.dtype()) && t.dtype() != DType::kF64;
  if (!plain || t.numel() == 0) return false;
  p.expressed = t.dtype();
  p.scale_shape = t.shape();
  for (int64_t i = 0; i < t.numel(); ++i) {
    const auto s = static_cast<float>(t.at_double(i));
    if (!std::isfinite(s) || s <= 0) return false;
    p.scales.push_back(s);
  }
  return true;
}

bool read_zero_points(const Tensor& t, QdqParams& p) {
  if (!is_code_type(t.dtype()) || t.numel() != static_cast<int64_t>(p.scales.size())) return false;
  p.code = t.dtype();
  bool any = false;
  for (int64_t i = 0; i < t.numel(); ++i) {
    p.zero_points.push_back(static_cast<int32_t>(t.at_int(i)));
    any = any || p.zero_points.back() != 0;
  }
  if (!any) p.zero_points.clear();
  return true;
}

// The code type of a node without zero point: its own attribute, or the type of what it reads, or u8.
DType implied_code_type(const Graph& graph, const Node& n) {
  if (n.op == "DequantizeLinear") return graph.value(n.inputs[0]).type.dtype;
  const int64_t code = n.get_int("output_dtype", 0);
  return code == 0 ? DType::kU8 : dtype_from_onnx_code(code);
}

}  // namespace

std::optional<QdqParams> read_qdq_params(const Graph& graph, const Node& n) {
  const Tensor* scale = graph.constant(n.input(1));
  const Tensor* zero = graph.constant(n.input(2));
  if (!n.input(0) || !scale || (n.input(2) && !zero)) return std::nullopt;
  QdqParams p;
  if (!read_scales(*scale, p) || (zero && !read_zero_points(*zero, p))) return std::nullopt;
  if (!zero) p.code = implied_code_type(graph, n);
  if (!is_code_type(p.code) || n.get_int("precision", 0) != 0) return std::nullopt;
  if (n.op == "DequantizeLinear") {
    const int64_t code = n.get_int("output_dtype", 0);
    if (code != 0 && dtype_from_onnx_code(code) != p.expressed) return std::nullopt;
  }
  if (p.per_tensor()) {
    p.scale_shape = {};
  } else {
    p.axis = n.get_int("axis", 1);
    p.block_size = n.get_int("block_size", 0);
  }
  return p;
}

std::optional<Encoding> encoding_of(const QdqParams& p, const SymbolicShape& symbolic_shape) {
  Encoding e = Encoding::per_tensor_uniform(p.code, p.scales[0], 0);
  e.scales = p.scales;
  e.zero_points = p.zero_points;
  if (p.per_tensor()) return e;
  if (!fully_known(symbolic_shape)) return std::nullopt;
  const Shape shape = to_shape(symbolic_shape);
  const int64_t axis = p.axis < 0 ? p.axis + shape.rank() : p.axis;
  if (axis < 0 || axis >= shape.rank()) return std::nullopt;
  const auto a = static_cast<size_t>(axis);
  if (p.scale_shape.rank() == 1 && p.block_size == 0) {
    if (p.scale_shape[0] != shape.dims()[a]) return std::nullopt;
    e.block = shape.dims();
    e.block[a] = 1;
    return e;
  }
  if (p.block_size <= 0 || p.scale_shape.rank() != shape.rank()) return std::nullopt;
  Shape expected = shape;
  expected[static_cast<int>(axis)] = ceil_div(shape.dims()[a], p.block_size);
  if (p.scale_shape != expected) return std::nullopt;
  e.block.assign(shape.dims().size(), 1);
  e.block[a] = p.block_size;
  return e;
}

QdqParams params_of(const ValueType& type, const std::string& name) {
  const Encoding& e = type.encoding;
  const auto unsupported = [&](const char* what) {
    fail(ErrorCode::kUnsupported, "value '{}' has {}, which QuantizeLinear and DequantizeLinear cannot say",
         printable(name), what);
  };
  if (e.grid != Encoding::Grid::kUniform) unsupported("a non-uniform encoding");
  if (e.dynamic) unsupported("a dynamic encoding");
  if (!is_code_type(e.code)) unsupported("codes of an unknown type");
  QdqParams p;
  p.code = e.code;
  p.expressed = type.dtype == DType::kUndefined ? DType::kF32 : type.dtype;
  p.scales = e.scales;
  p.zero_points = e.zero_points;
  if (e.scales.size() == 1) return p;
  if (!fully_known(type.shape)) unsupported("an encoding along an axis but no known shape");
  const Shape shape = to_shape(type.shape);
  const int axis = encoding_axis(e, shape);
  if (axis >= 0) {
    p.axis = axis;
    p.scale_shape = {shape[axis]};
    return p;
  }
  const auto long_blocks = std::count_if(e.block.begin(), e.block.end(), [](int64_t b) { return b != 1; });
  if (long_blocks > 1 || static_cast<int>(e.block.size()) != shape.rank())
    unsupported("blocks along several dimensions");
  const auto blocked = std::find_if(e.block.begin(), e.block.end(), [](int64_t b) { return b != 1; });
  p.axis = blocked == e.block.end() ? 0 : blocked - e.block.begin();
  p.block_size = blocked == e.block.end() ? 1 : *blocked;
  p.scale_shape = shape;
  p.scale_shape[static_cast<int>(p.axis)] = ceil_div(shape[static_cast<int>(p.axis)], p.block_size);
  return p;
}

Tensor scale_tensor(const QdqParams& p) {
  const Tensor t = Tensor::from<float>(p.scale_shape, p.scales);
  return p.expressed == DType::kF32 ? t : t.cast(p.expressed);
}

Tensor zero_point_tensor(const QdqParams& p) {
  if (p.zero_points.empty()) return Tensor(p.code, p.scale_shape);
  return Tensor::from<int32_t>(p.scale_shape, p.zero_points).cast(p.code);
}

}  // namespace precis::onnx_io
