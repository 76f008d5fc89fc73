// Operators that change or tell shapes, or make tensors out of little: Reshape, Flatten, Squeeze, Unsqueeze,
// Identity, Shape, Size, Constant, ConstantOfShape, Range, EyeLike, Cast, CastLike, BitCast.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "precis/graph/onnx_dtype.h"
#include "precis/kernels/reference/move.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

Tensor reshaped(const Node& node, const Tensor& x, std::vector<int64_t> dims) {
  const Shape shape(std::move(dims));
  require(node, shape.numel() == x.numel(), "a tensor of shape {} cannot become {}", x.shape().str(),
          shape.str());
  return x.reshaped(shape);
}

Tensors reshape(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  std::vector<int64_t> dims = int_list(node, inputs, 1, "the shape");
  const bool allow_zero = node.get_int("allowzero", 0) != 0;
  int free = -1;
  for (size_t i = 0; i < dims.size(); ++i) {
    require(node, dims[i] >= -1, "the shape contains {}", dims[i]);
    if (dims[i] == 0 && !allow_zero) {
      require(node, static_cast<int>(i) < x.shape().rank(),
              "the shape copies dimension {} of a rank-{} input", i, x.shape().rank());
      dims[i] = x.shape()[static_cast<int>(i)];
    }
    if (dims[i] != -1) continue;
    require(node, free < 0, "the shape contains -1 twice");
    free = static_cast<int>(i);
  }
  if (free >= 0) {
    dims[static_cast<size_t>(free)] = 1;
    const int64_t rest = checked_product(dims);
    require(node, rest > 0 && x.numel() % rest == 0, "a tensor of shape {} cannot be divided into rows of {}",
            x.shape().str(), rest);
    dims[static_cast<size_t>(free)] = x.numel() / rest;
  }
  return one(reshaped(node, x, std::move(dims)));
}

Tensors flatten(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int rank = x.shape().rank();
  int64_t axis = node.get_int("axis", 1);
  require(node, axis >= -rank && axis <= rank, "axis {} is outside [{}, {}]", axis, -rank, rank);
  if (axis < 0) axis += rank;
  return one(
      reshaped(node, x, {x.shape().outer(static_cast<int>(axis)), x.shape().inner(static_cast<int>(axis))}));
}

Tensors squeeze(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  std::vector<int> axes;
  if (optional(inputs, 1)) {
    axes = axes_of(node, int_list(node, inputs, 1, "the axes"), x.shape().rank());
  } else {
    for (int a = 0; a < x.shape().rank(); ++a)
      if (x.shape()[a] == 1) axes.push_back(a);
  }
  std::vector<int64_t> dims;
  for (int a = 0; a < x.shape().rank(); ++a) {
    if (!std::binary_search(axes.begin(), axes.end(), a))
      dims.push_back(x.shape()[a]);
    else
      require(node, x.shape()[a] == 1, "axis {} of shape {} is not 1", a, x.shape().str());
  }
  return one(reshaped(node, x, std::move(dims)));
}

Tensors unsqueeze(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const auto given = int_list(node, inputs, 1, "the axes");
  const int rank = x.shape().rank() + static_cast<int>(given.size());
  if (rank > kMaxRank)
    fail_node(node, ErrorCode::kLimit, "the result has rank {}, at most {} is supported", rank, kMaxRank);
  const std::vector<int> axes = axes_of(node, given, rank);
  std::vector<int64_t> dims;
  int next = 0;
  for (int a = 0; a < rank; ++a)
    dims.push_back(std::binary_search(axes.begin(), axes.end(), a) ? 1 : x.shape()[next++]);
  return one(reshaped(node, x, std::move(dims)));
}

Tensors identity(const Node& node, Inputs inputs) { return one(required(node, inputs, 0)); }

Tensors shape(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int64_t rank = x.shape().rank();
  const auto bound = [&](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + rank : v, 0, rank); };
  const int64_t start = bound(node.get_int("start", 0)), end = bound(node.get_int("end", rank));
  std::vector<int64_t> dims;
  for (int64_t a = start; a < end; ++a) dims.push_back(x.shape()[static_cast<int>(a)]);
  return one(Tensor::from<int64_t>(Shape{static_cast<int64_t>(dims.size())}, std::span<const int64_t>(dims)));
}

Tensors size(const Node& node, Inputs inputs) {
  return one(Tensor::scalar(required(node, inputs, 0).numel()));
}

Tensors constant(const Node& node, Inputs) {
  if (const Attribute* a = node.find("value")) {
    const Tensor* t = std::get_if<Tensor>(a);
    require(node, t != nullptr && t->defined(), "attribute 'value' is no tensor");
    return one(*t);
  }
  if (node.has("value_float")) return one(Tensor::scalar(node.get_float("value_float", 0)));
  if (node.has("value_int")) return one(Tensor::scalar(node.get_int("value_int", 0)));
  if (node.has("value_floats")) {
    const auto v = node.get_floats("value_floats");
    return one(Tensor::from<float>(Shape{static_cast<int64_t>(v.size())}, std::span<const float>(v)));
  }
  if (node.has("value_ints")) {
    const auto v = node.get_ints("value_ints");
    return one(Tensor::from<int64_t>(Shape{static_cast<int64_t>(v.size())}, std::span<const int64_t>(v)));
  }
  fail_node(node, ErrorCode::kUnsupported,
            "the constant is a string or sparse; expected value, value_int(s) or value_float(s)");
}

Tensors constant_of_shape(const Node& node, Inputs inputs) {
  const auto dims = int_list(node, inputs, 0, "the shape");
  for (int64_t d : dims) require(node, d >= 0, "the shape contains {}", d);
  Tensor value = Tensor::scalar(0.0f);
  if (const Attribute* a = node.find("value")) {
    const Tensor* t = std::get_if<Tensor>(a);
    require(node, t != nullptr && t->numel() == 1, "attribute 'value' is no tensor of one element");
    value = *t;
  }
  Tensor y(value.dtype(), Shape(dims));
  ref::fill(element_size(node, value.dtype()), y.numel(), value.bytes(), y.bytes());
  return one(std::move(y));
}

Tensors range(const Node& node, Inputs inputs) {
  const Tensor& start = required(node, inputs, 0);
  const Tensor& limit = required(node, inputs, 1, start.dtype(), 1);
  const Tensor& delta = required(node, inputs, 2, start.dtype(), 1);
  require(node, start.numel() == 1, "the start has shape {}, expected one value", start.shape().str());
  return for_number(node, start.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T first = ptr<T>(start)[0], last = ptr<T>(limit)[0], step = ptr<T>(delta)[0];
    require(node, step != T{0}, "the step is 0");
    const double count =
        std::ceil((static_cast<double>(last) - static_cast<double>(first)) / static_cast<double>(step));
    require(node, !std::isnan(count) && count < 9.0e15, "the range has {} elements", count);
    Tensor y(start.dtype(), {static_cast<int64_t>(std::max(count, 0.0))});
    for (int64_t i = 0; i < y.numel(); ++i) {
      if constexpr (std::is_floating_point_v<T>)
        ptr<T>(y)[i] = first + static_cast<T>(i) * step;
      else
        ptr<T>(y)[i] = static_cast<T>(static_cast<uint64_t>(first) +
                                      static_cast<uint64_t>(i) * static_cast<uint64_t>(step));
    }
    return one(std::move(y));
  });
}

DType dtype_attribute(const Node& node, const char* name, DType fallback) {
  if (!node.has(name)) return fallback;
  const DType d = dtype_from_onnx_code(node.get_int(name, 0));
  if (d == DType::kUndefined)
    fail_node(node, ErrorCode::kUnsupported, "attribute '{}' names element type {}, which is not supported",
              name, node.get_int(name, 0));
  return d;
}

Tensors eye_like(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  require(node, x.shape().rank() == 2, "input of shape {} is no matrix", x.shape().str());
  const int64_t k = node.get_int("k", 0), rows = x.shape()[0], columns = x.shape()[1];
  const DType dtype = dtype_attribute(node, "dtype", x.dtype());
  Tensor y(DType::kU8, x.shape());
  for (int64_t r = 0; r < rows; ++r)
    if (k > -rows && k < columns && r + k >= 0 && r + k < columns) ptr<uint8_t>(y)[r * columns + r + k] = 1;
  return one(y.cast(dtype));
}

NarrowRules narrow_rules(const Node& node) {
  const std::string mode = node.get_string("round_mode", "up");
  return {node.get_int("saturate", 1) != 0, mode == "up"     ? PowerRounding::kUp
                                            : mode == "down" ? PowerRounding::kDown
                                                             : PowerRounding::kNearest};
}

Tensor converted(const Node& node, const Tensor& x, DType to) {
  return to == x.dtype() ? x : x.cast(to, narrow_rules(node));
}

Tensors cast(const Node& node, Inputs inputs) {
  require(node, node.has("to"), "attribute 'to' is missing");
  const Tensor& x = required(node, inputs, 0);
  return one(converted(node, x, dtype_attribute(node, "to", x.dtype())));
}

Tensors cast_like(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  return one(converted(node, x, required(node, inputs, 1).dtype()));
}

Tensors bit_cast(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  Tensor y(dtype_attribute(node, "to", x.dtype()), x.shape());
  require(node, dtype_bits(y.dtype()) == dtype_bits(x.dtype()), "{} and {} have different widths",
          dtype_name(x.dtype()), dtype_name(y.dtype()));
  std::copy_n(x.bytes(), x.nbytes(), y.bytes());
  return one(std::move(y));
}

constexpr ReferenceOp kOps[] = {
    {"", "BitCast", bit_cast},
    {"", "Cast", cast},
    {"", "CastLike", cast_like},
    {"", "Constant", constant},
    {"", "ConstantOfShape", unpacked<constant_of_shape>},
    {"", "EyeLike", eye_like},
    {"", "Flatten", flatten},
    {"", "Identity", identity},
    {"", "Range", widened<range>},
    {"", "Reshape", reshape},
    {"", "Shape", shape},
    {"", "Size", size},
    {"", "Squeeze", squeeze},
    {"", "Unsqueeze", unsqueeze},
};

}  // namespace

std::span<const ReferenceOp> shape_ops() { return kOps; }

}  // namespace precis::runtime
