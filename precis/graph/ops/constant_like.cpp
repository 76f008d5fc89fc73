// Operators that make tensors: Constant, ConstantOfShape, Range, EyeLike; and Dropout, which is the identity
// at inference and random in training.
#include <cmath>

#include "precis/graph/ops/families.h"
#include "precis/graph/ops/fold.h"

namespace precis::ops {
namespace {

// --- Constant: exactly one of its attributes holds the value

Tensor constant_value(const InferContext& ctx) {
  const Node& n = ctx.node();
  int given = 0;
  for (const char* name :
       {"value", "value_float", "value_floats", "value_int", "value_ints", "value_string", "value_strings"})
    given += n.has(name) ? 1 : 0;
  ctx.require(
      given == 1,
      "has {} of the attributes value, value_float, value_floats, value_int, value_ints, expected one",
      given);
  if (n.has("value_string") || n.has("value_strings"))
    fail(ErrorCode::kUnsupported, "{}: holds strings, which are not supported", ctx.where());
  if (const Attribute* a = n.find("value")) return std::get<Tensor>(*a);
  if (n.has("value_float")) return Tensor::scalar(n.get_float("value_float", 0));
  if (n.has("value_int")) return Tensor::scalar(n.get_int("value_int", 0));
  if (n.has("value_ints")) {
    const std::vector<int64_t> v = n.get_ints("value_ints");
    return Tensor::from<int64_t>(Shape{static_cast<int64_t>(v.size())}, std::span<const int64_t>(v));
  }
  const std::vector<float> v = n.get_floats("value_floats");
  return Tensor::from<float>(Shape{static_cast<int64_t>(v.size())}, std::span<const float>(v));
}

void infer_constant(InferContext& ctx) {
  const Tensor value = constant_value(ctx);
  set_output(ctx, 0, value.dtype(), symbolic(value.shape()));
}

void fold_constant(InferContext& ctx) { ctx.output_partials[0] = PartialValue::from(constant_value(ctx)); }

// --- ConstantOfShape

void infer_constant_of_shape(InferContext& ctx) {
  DType dtype = DType::kF32;
  if (const Attribute* a = ctx.node().find("value")) {
    const Tensor& value = std::get<Tensor>(*a);
    ctx.require(value.numel() == 1, "attribute 'value' has shape {}, expected one element",
                value.shape().str());
    dtype = value.dtype();
  }
  set_output(ctx, 0, dtype, std::nullopt);
  const auto shape = partial_ints(ctx, 0, "the shape");
  if (!shape) return;
  std::vector<Dim> out;
  for (const PartialElement& e : *shape) {
    ctx.require(!e.known || e.integer >= 0, "the shape (input 0) holds {}, expected at least 0", e.integer);
    out.push_back(dim_of(e));
  }
  ctx.outputs[0].shape = std::move(out);
}

void fold_constant_of_shape(InferContext& ctx) {
  const SymbolicShape& s = ctx.outputs[0].shape;
  if (!fully_known(s)) return;
  const Shape shape = to_shape(s);
  if (shape.numel() > PartialValue::kMaxElements) return;
  const Attribute* a = ctx.node().find("value");
  const Tensor value = a != nullptr ? std::get<Tensor>(*a) : Tensor::scalar(0.0f);
  const auto one = PartialValue::from(value);
  fold_take(ctx, 0, *one, shape, [](int64_t) { return 0; });
}

// --- Range

std::optional<int64_t> range_count(const InferContext& ctx) {
  static constexpr const char* kNames[] = {"start", "limit", "delta"};
  double v[3] = {};
  bool known = true;
  for (size_t i = 0; i < 3; ++i) {
    const auto scalar = known_scalar(ctx, i, kNames[i]);
    known = known && scalar.has_value();
    if (!scalar) continue;
    ctx.require(std::isfinite(*scalar), "{} (input {}) is {}, expected a finite number", kNames[i], i,
                *scalar);
    v[i] = *scalar;
  }
  if (const auto delta = known_scalar(ctx, 2, "delta"))
    ctx.require(*delta != 0, "delta (input 2) is 0, expected another number");
  if (!known) return std::nullopt;
  const double count = std::max(0.0, std::ceil((v[1] - v[0]) / v[2]));
  ctx.require(count <= 1e12, "counts {} elements from {} to {} by {}, which is too many", count, v[0], v[1],
              v[2]);
  return static_cast<int64_t>(count);
}

void infer_range(InferContext& ctx) {
  require_type(ctx, 0, kFloats | types({DType::kI16, DType::kI32, DType::kI64}));
  require_same_type(ctx, 0, 1);
  require_same_type(ctx, 0, 2);
  const auto count = range_count(ctx);
  set_output(ctx, 0, ctx.dtype(0), std::vector<Dim>{count ? Dim(*count) : Dim()});
}

// --- EyeLike, Dropout

void infer_eye_like(InferContext& ctx) {
  ctx.require_rank(0, 2, 2);
  const DType dtype = dtype_attr(ctx, "dtype", ctx.dtype(0));
  set_output(ctx, 0, dtype, ctx.shape(0) ? ctx.shape(0) : unknown_dims(2));
}

void infer_dropout(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  const auto ratio = known_scalar(ctx, 1, "ratio");
  ctx.require(!ratio || (*ratio >= 0 && *ratio < 1), "ratio (input 1) is {}, expected 0 <= ratio < 1",
              ratio.value_or(0));
  if (ctx.has_input(2)) {
    require_type(ctx, 2, kBools);
    require_scalar(ctx, 2, "training_mode");
  }
  same_as_input(ctx);
  set_output(ctx, 1, DType::kBool, ctx.shape(0));
}

}  // namespace

const std::vector<OpDecl>& constant_like_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "Constant",
       .min_inputs = 0,
       .max_inputs = 0,
       .attributes = {{"value", AttrKind::kTensor},
                      {"value_float", AttrKind::kFloat},
                      {"value_floats", AttrKind::kFloats},
                      {"value_int", AttrKind::kInt},
                      {"value_ints", AttrKind::kInts},
                      {"value_string", AttrKind::kString},
                      {"value_strings", AttrKind::kStrings}},
       .infer = infer_constant,
       .fold = fold_constant},
      {.op = "ConstantOfShape",
       .attributes = {{"value", AttrKind::kTensor}},
       .infer = infer_constant_of_shape,
       .fold = fold_constant_of_shape},
      {.op = "Range",
       .min_inputs = 3,
       .max_inputs = 3,
       .attributes = {{"stash_type", AttrKind::kInt}},
       .infer = infer_range,
       .fold = fold_range},
      {.op = "EyeLike",
       .attributes = {{"dtype", AttrKind::kInt}, {"k", AttrKind::kInt}},
       .infer = infer_eye_like},
      {.op = "Dropout",
       .max_inputs = 3,
       .max_outputs = 2,
       .attributes = {{"seed", AttrKind::kInt}},
       .infer = infer_dropout,
       .moves_data = true},
  };
  return decls;
}

}  // namespace precis::ops
