// Shape arithmetic on partly known values: see fold.h.
#include "precis/graph/ops/fold.h"

#include <algorithm>
#include <cmath>

namespace precis::ops {
namespace {

// Shape of an output when it is known and small.
std::optional<Shape> small_shape(const InferContext& ctx, size_t output) {
  if (!fully_known(ctx.outputs[output].shape)) return std::nullopt;
  Shape shape = to_shape(ctx.outputs[output].shape);
  if (shape.numel() > PartialValue::kMaxElements) return std::nullopt;
  return shape;
}

// Row-major index into a tensor of shape `from` that is broadcast to `to`, for element i of `to`.
int64_t broadcast_index(const Shape& from, const Shape& to, int64_t i) {
  int64_t index = 0, stride = 1;
  for (int d = to.rank() - 1, f = from.rank() - 1; f >= 0; --d, --f) {
    if (from[f] != 1) index += (i % to[d]) * stride;
    stride *= from[f];
    i /= to[d];
  }
  return index;
}

PartialElement unknown() { return {}; }

PartialElement real_result(double v, DType dtype) {
  // Types below f32 round after every step as the operators do; shape arithmetic in them is not worth the
  // rules.
  if (dtype != DType::kF32 && dtype != DType::kF64) return unknown();
  return PartialElement::of_real(dtype == DType::kF32 ? static_cast<double>(static_cast<float>(v)) : v);
}

PartialElement integer_arithmetic(Arithmetic op, int64_t a, int64_t b) {
  int64_t r = 0;
  bool overflow = false;
  switch (op) {
    case Arithmetic::kAdd:
      overflow = __builtin_add_overflow(a, b, &r);
      break;
    case Arithmetic::kSub:
      overflow = __builtin_sub_overflow(a, b, &r);
      break;
    case Arithmetic::kMul:
      overflow = __builtin_mul_overflow(a, b, &r);
      break;
    case Arithmetic::kDiv:
    case Arithmetic::kMod:
      overflow = b == 0 || b == -1;
      if (b == -1 && op == Arithmetic::kDiv)
        overflow = __builtin_sub_overflow(int64_t{0}, a, &r);
      else if (b == -1)
        overflow = false;
      else if (!overflow && op == Arithmetic::kDiv)
        r = a / b;
      else if (!overflow)
        r = a % b + ((a % b != 0 && (a % b < 0) != (b < 0)) ? b : 0);  // sign of the divisor
      break;
    case Arithmetic::kMin:
      r = std::min(a, b);
      break;
    case Arithmetic::kMax:
      r = std::max(a, b);
      break;
    case Arithmetic::kEqual:
      r = a == b;
      break;
    case Arithmetic::kGreater:
      r = a > b;
      break;
    case Arithmetic::kGreaterOrEqual:
      r = a >= b;
      break;
    case Arithmetic::kLess:
      r = a < b;
      break;
    case Arithmetic::kLessOrEqual:
      r = a <= b;
      break;
    case Arithmetic::kAnd:
      r = a && b;
      break;
    case Arithmetic::kOr:
      r = a || b;
      break;
  }
  return overflow ? unknown() : PartialElement::of(r);
}

PartialElement real_arithmetic(Arithmetic op, double a, double b, DType dtype) {
  switch (op) {
    case Arithmetic::kAdd:
      return real_result(a + b, dtype);
    case Arithmetic::kSub:
      return real_result(a - b, dtype);
    case Arithmetic::kMul:
      return real_result(a * b, dtype);
    case Arithmetic::kDiv:
      return real_result(a / b, dtype);
    case Arithmetic::kMin:
      return real_result(std::min(a, b), dtype);
    case Arithmetic::kMax:
      return real_result(std::max(a, b), dtype);
    case Arithmetic::kEqual:
      return PartialElement::of(a == b);
    case Arithmetic::kGreater:
      return PartialElement::of(a > b);
    case Arithmetic::kGreaterOrEqual:
      return PartialElement::of(a >= b);
    case Arithmetic::kLess:
      return PartialElement::of(a < b);
    case Arithmetic::kLessOrEqual:
      return PartialElement::of(a <= b);
    default:
      return unknown();
  }
}

bool is_integer_constant(const PartialElement& e, DType dtype, int64_t v) {
  return e.known && !is_float(dtype) && e.integer == v;
}

// Results with an unknown side: x + 0, x - 0, x * 1, x / 1 and x == x.
PartialElement symbolic_arithmetic(Arithmetic op, const PartialElement& a, const PartialElement& b,
                                   DType dtype) {
  const bool sum = op == Arithmetic::kAdd || op == Arithmetic::kSub;
  const bool scale = op == Arithmetic::kMul || op == Arithmetic::kDiv;
  const int64_t neutral = sum ? 0 : 1;
  if ((sum || scale) && is_integer_constant(b, dtype, neutral)) return a;
  if ((op == Arithmetic::kAdd || op == Arithmetic::kMul) && is_integer_constant(a, dtype, neutral)) return b;
  if (op == Arithmetic::kEqual && !a.symbol.empty() && a.symbol == b.symbol) return PartialElement::of(1);
  return unknown();
}

PartialElement apply(Arithmetic op, const PartialElement& a, const PartialElement& b, DType dtype) {
  if (!a.known || !b.known) return symbolic_arithmetic(op, a, b, dtype);
  return is_float(dtype) ? real_arithmetic(op, a.real, b.real, dtype)
                         : integer_arithmetic(op, a.integer, b.integer);
}

PartialElement apply_function(Function f, const PartialElement& e, DType dtype) {
  if (!e.known) return unknown();
  if (!is_float(dtype)) {
    if (f == Function::kNot) return PartialElement::of(e.integer == 0);
    if (f == Function::kNeg || (f == Function::kAbs && e.integer < 0))
      return integer_arithmetic(Arithmetic::kSub, 0, e.integer);
    return f == Function::kAbs ? e : unknown();
  }
  switch (f) {
    case Function::kNeg:
      return real_result(-e.real, dtype);
    case Function::kAbs:
      return real_result(std::abs(e.real), dtype);
    case Function::kFloor:
      return real_result(std::floor(e.real), dtype);
    case Function::kCeil:
      return real_result(std::ceil(e.real), dtype);
    case Function::kRound:
      return real_result(std::nearbyint(e.real), dtype);
    case Function::kSqrt:
      return real_result(std::sqrt(e.real), dtype);
    case Function::kNot:
      break;
  }
  return unknown();
}

void set_partial(InferContext& ctx, size_t output, PartialValue value) {
  // Nothing is worth keeping of a value of which nothing is known.
  const auto tells = [](const PartialElement& e) { return e.known || !e.symbol.empty(); };
  if (value.elements.empty() || std::any_of(value.elements.begin(), value.elements.end(), tells))
    ctx.output_partials[output] = std::move(value);
}

}  // namespace

void fold_take(InferContext& ctx, size_t output, const PartialValue& source, Shape shape,
               const std::function<int64_t(int64_t)>& index) {
  PartialValue out{source.dtype, std::move(shape), {}};
  for (int64_t i = 0; i < out.shape.numel(); ++i)
    out.elements.push_back(source.elements[static_cast<size_t>(index(i))]);
  set_partial(ctx, output, std::move(out));
}

void fold_copy(InferContext& ctx) {
  const auto source = ctx.partial(0);
  const auto shape = source ? small_shape(ctx, 0) : std::nullopt;
  if (shape && shape->numel() == static_cast<int64_t>(source->elements.size()))
    fold_take(ctx, 0, *source, *shape, [](int64_t i) { return i; });
}

void fold_cast(InferContext& ctx) {
  auto v = ctx.partial(0);
  const DType to = ctx.outputs[0].dtype;
  if (!v || to == DType::kUndefined) return;
  if (v->fully_known()) {
    ctx.output_partials[0] = PartialValue::from(v->to_tensor().cast(to));
    return;
  }
  // A dimension keeps its name through casts between the index types; everything else of an unknown element
  // is lost.
  const auto is_index = [](DType d) { return d == DType::kI64 || d == DType::kI32; };
  const bool keep_symbols = is_index(v->dtype) && is_index(to);
  for (PartialElement& e : v->elements) {
    if (e.known) {
      PartialValue one{v->dtype, Shape{}, {e}};
      e = PartialValue::from(one.to_tensor().cast(to))->elements[0];
    } else if (!keep_symbols) {
      e = unknown();
    }
  }
  v->dtype = to;
  set_partial(ctx, 0, std::move(*v));
}

void fold_gather(InferContext& ctx) {
  const auto source = ctx.partial(0), indices = ctx.partial(1);
  if (!source || !indices || source->shape.rank() != 1 || !indices->fully_known()) return;
  const int64_t length = source->shape[0];
  fold_take(ctx, 0, *source, indices->shape, [&](int64_t i) {
    const int64_t at = indices->elements[static_cast<size_t>(i)].integer;
    return at < 0 ? at + length : at;
  });
}

void fold_concat(InferContext& ctx) {
  const auto shape = small_shape(ctx, 0);
  if (!shape || shape->rank() != 1) return;
  PartialValue out{ctx.outputs[0].dtype, *shape, {}};
  for (size_t i = 0; i < ctx.num_inputs(); ++i) {
    const auto part = ctx.partial(i);
    const auto length = static_cast<size_t>((*ctx.shape(i))[0].value);
    if (part)
      out.elements.insert(out.elements.end(), part->elements.begin(), part->elements.end());
    else
      out.elements.resize(out.elements.size() + length);
  }
  set_partial(ctx, 0, std::move(out));
}

void fold_expand(InferContext& ctx) {
  const auto source = ctx.partial(0);
  const auto shape = source ? small_shape(ctx, 0) : std::nullopt;
  if (shape)
    fold_take(ctx, 0, *source, *shape, [&](int64_t i) { return broadcast_index(source->shape, *shape, i); });
}

void fold_range(InferContext& ctx) {
  const auto shape = small_shape(ctx, 0);
  const auto start = ctx.partial(0), delta = ctx.partial(2);
  if (!shape || !start || !delta || !start->fully_known() || !delta->fully_known()) return;
  PartialValue out{start->dtype, *shape, {}};
  PartialElement step = PartialElement::of(0);
  for (int64_t i = 0; i < shape->numel(); ++i) {
    step = is_float(out.dtype) ? PartialElement::of_real(static_cast<double>(i)) : PartialElement::of(i);
    const PartialElement offset = apply(Arithmetic::kMul, step, delta->elements[0], out.dtype);
    out.elements.push_back(apply(Arithmetic::kAdd, start->elements[0], offset, out.dtype));
  }
  set_partial(ctx, 0, std::move(out));
}

void fold_where(InferContext& ctx) {
  const auto condition = ctx.partial(0), x = ctx.partial(1), y = ctx.partial(2);
  const auto shape = condition && x && y ? small_shape(ctx, 0) : std::nullopt;
  if (!shape) return;
  PartialValue out{x->dtype, *shape, {}};
  const auto at = [&](const PartialValue& v, int64_t i) {
    return v.elements[static_cast<size_t>(broadcast_index(v.shape, *shape, i))];
  };
  for (int64_t i = 0; i < shape->numel(); ++i) {
    const PartialElement c = at(*condition, i);
    out.elements.push_back(!c.known ? unknown() : at(c.integer != 0 ? *x : *y, i));
  }
  set_partial(ctx, 0, std::move(out));
}

void fold_arithmetic(InferContext& ctx, Arithmetic op) {
  if (ctx.num_inputs() != 2) return;  // variadic Min, Max, Sum of shapes does not occur
  const auto a = ctx.partial(0), b = a ? ctx.partial(1) : std::nullopt;
  const auto shape = b ? small_shape(ctx, 0) : std::nullopt;
  if (!shape || a->dtype != b->dtype) return;
  PartialValue out{ctx.outputs[0].dtype, *shape, {}};
  for (int64_t i = 0; i < shape->numel(); ++i)
    out.elements.push_back(apply(op, a->elements[static_cast<size_t>(broadcast_index(a->shape, *shape, i))],
                                 b->elements[static_cast<size_t>(broadcast_index(b->shape, *shape, i))],
                                 a->dtype));
  set_partial(ctx, 0, std::move(out));
}

void fold_function(InferContext& ctx, Function function) {
  auto v = ctx.partial(0);
  if (!v) return;
  for (PartialElement& e : v->elements) e = apply_function(function, e, v->dtype);
  set_partial(ctx, 0, std::move(*v));
}

}  // namespace precis::ops
