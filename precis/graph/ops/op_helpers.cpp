// Shared checks of the operator declarations: see op_helpers.h.
#include "precis/graph/ops/op_helpers.h"

#include <algorithm>
#include <cmath>

#include "precis/core/text.h"
#include "precis/graph/onnx_dtype.h"

namespace precis::ops {
namespace {

bool contains(TypeSet set, DType dtype) { return (set >> static_cast<int>(dtype)) & 1u; }

[[noreturn]] void fail_node(const InferContext& ctx, const std::string& message) {
  fail(ErrorCode::kMalformed, "{}: {}", ctx.where(), message);
}

}  // namespace

std::string type_set_text(TypeSet set) {
  std::string text;
  for (int i = 1; i < kDTypeCount; ++i)
    if ((set >> i) & 1u) text += (text.empty() ? "" : ", ") + std::string(dtype_name(static_cast<DType>(i)));
  return text;
}

void require_type(const InferContext& ctx, size_t input, TypeSet set) {
  const DType dtype = ctx.dtype(input);
  if (dtype == DType::kUndefined || contains(set, dtype)) return;
  fail_node(ctx, fmt::format("input {} has element type {}, expected one of {}", input, dtype_name(dtype),
                             type_set_text(set)));
}

void require_same_type(const InferContext& ctx, size_t a, size_t b) {
  const DType ta = ctx.dtype(a), tb = ctx.dtype(b);
  if (ta == tb || ta == DType::kUndefined || tb == DType::kUndefined) return;
  fail_node(ctx, fmt::format("inputs {} and {} have element types {} and {}, expected the same", a, b,
                             dtype_name(ta), dtype_name(tb)));
}

int64_t int_attr(const InferContext& ctx, const char* name, int64_t fallback, int64_t lo, int64_t hi) {
  const int64_t v = ctx.node().get_int(name, fallback);
  if (v < lo || v > hi) {
    const std::string expected =
        hi == INT64_MAX ? fmt::format("at least {}", lo) : fmt::format("{} to {}", lo, hi);
    fail_node(ctx, fmt::format("attribute '{}' is {}, expected {}", name, v, expected));
  }
  return v;
}

bool flag_attr(const InferContext& ctx, const char* name, bool fallback) {
  return int_attr(ctx, name, fallback ? 1 : 0, 0, 1) != 0;
}

float finite_attr(const InferContext& ctx, const char* name, float fallback) {
  const float v = ctx.node().get_float(name, fallback);
  ctx.require(std::isfinite(v), "attribute '{}' is {}, expected a finite number", name, v);
  return v;
}

size_t choice_attr(const InferContext& ctx, const char* name, const char* fallback,
                   std::initializer_list<const char*> choices) {
  const std::string v = ctx.node().get_string(name, fallback);
  const auto it = std::find(choices.begin(), choices.end(), v);
  if (it == choices.end()) {
    std::string list;
    for (const char* c : choices) list += (list.empty() ? "" : ", ") + std::string(c);
    fail_node(ctx, fmt::format("attribute '{}' is '{}', expected one of {}", name, printable(v), list));
  }
  return static_cast<size_t>(it - choices.begin());
}

DType dtype_attr(const InferContext& ctx, const char* name, DType fallback) {
  const int64_t code = ctx.node().get_int(name, 0);
  if (code == 0 && (fallback != DType::kUndefined || !ctx.node().has(name))) return fallback;
  const DType dtype = dtype_from_onnx_code(code);
  if (dtype != DType::kUndefined) return dtype;
  const char* known = onnx_dtype_name(code);
  ctx.require(known != nullptr, "attribute '{}' is {}, which is no ONNX element type", name, code);
  fail(ErrorCode::kUnsupported, "{}: attribute '{}' asks for element type {}, which is not supported",
       ctx.where(), name, known);
}

int checked_axis(const InferContext& ctx, int64_t axis, int rank, const char* what) {
  ctx.require(axis >= -rank && axis < rank, "{} {} is out of range, expected {} to {} for rank {}", what,
              axis, -rank, rank - 1, rank);
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

int axis_attr(const InferContext& ctx, int64_t fallback, int rank) {
  return checked_axis(ctx, ctx.node().get_int("axis", fallback), rank, "attribute 'axis'");
}

std::vector<int> checked_axes(const InferContext& ctx, std::span<const int64_t> axes, int rank,
                              const char* what) {
  std::vector<int> out;
  std::vector<bool> seen(static_cast<size_t>(rank), false);
  for (int64_t a : axes) {
    const int axis = checked_axis(ctx, a, rank, what);
    ctx.require(!seen[static_cast<size_t>(axis)], "{} {} is given twice", what, a);
    seen[static_cast<size_t>(axis)] = true;
    out.push_back(axis);
  }
  return out;
}

std::optional<std::vector<PartialElement>> partial_ints(const InferContext& ctx, size_t input,
                                                        const char* what) {
  const DType dtype = ctx.dtype(input);
  ctx.require(dtype == DType::kUndefined || contains(kIndices, dtype),
              "{} (input {}) has element type {}, expected i64", what, input, dtype_name(dtype));
  const std::optional<int> rank = ctx.rank(input);
  ctx.require(!rank || *rank <= 1, "{} (input {}) has shape {}, expected a vector", what, input,
              shape_str(ctx.shape(input)));
  if (auto partial = ctx.partial(input)) return std::move(partial->elements);
  if (!fully_known(ctx.shape(input))) return std::nullopt;
  const int64_t length = to_shape(ctx.shape(input)).numel();
  if (length > PartialValue::kMaxElements) return std::nullopt;
  return std::vector<PartialElement>(static_cast<size_t>(length));
}

std::optional<std::vector<int64_t>> known_ints(const InferContext& ctx, size_t input, const char* what) {
  const auto elements = partial_ints(ctx, input, what);
  if (!elements) return std::nullopt;
  std::vector<int64_t> values;
  for (const PartialElement& e : *elements) {
    if (!e.known) return std::nullopt;
    values.push_back(e.integer);
  }
  return values;
}

std::optional<double> known_scalar(const InferContext& ctx, size_t input, const char* what) {
  if (!ctx.has_input(input)) return std::nullopt;
  require_scalar(ctx, input, what);
  const auto partial = ctx.partial(input);
  if (!partial || partial->elements.size() != 1 || !partial->elements[0].known) return std::nullopt;
  const PartialElement& e = partial->elements[0];
  return is_float(partial->dtype) ? e.real : static_cast<double>(e.integer);
}

void require_scalar(const InferContext& ctx, size_t input, const char* what) {
  const SymbolicShape& s = ctx.shape(input);
  const bool fits = !s || s->empty() || (s->size() == 1 && (!(*s)[0].known() || (*s)[0].value == 1));
  ctx.require(fits, "{} (input {}) has shape {}, expected a scalar", what, input, shape_str(s));
}

void require_vector(const InferContext& ctx, size_t input, const Dim& length, const char* what) {
  const SymbolicShape& s = ctx.shape(input);
  if (!s) return;
  const bool fits = s->size() == 1 && (!(*s)[0].known() || !length.known() || (*s)[0] == length);
  ctx.require(fits, "{} (input {}) has shape {}, expected [{}]", what, input, shape_str(s), length.str());
}

void require_dims(const InferContext& ctx, size_t input, const std::vector<Dim>& dims, const char* what) {
  if (!ctx.has_input(input)) return;
  ctx.require_rank(input, static_cast<int>(dims.size()), static_cast<int>(dims.size()));
  const SymbolicShape& s = ctx.shape(input);
  if (!s) return;
  for (size_t i = 0; i < dims.size(); ++i)
    ctx.require(!(*s)[i].known() || !dims[i].known() || (*s)[i].value == dims[i].value,
                "{} (input {}) has shape {}, expected {}", what, input, shape_str(s), shape_str(dims));
}

Dim dim_at(const SymbolicShape& s, size_t i) { return s && i < s->size() ? (*s)[i] : Dim(); }

Dim dim_of(const PartialElement& e) { return e.known ? Dim(e.integer) : Dim::named(e.symbol); }

SymbolicShape broadcast(const InferContext& ctx, const SymbolicShape& a, const SymbolicShape& b) {
  if (!a || !b) return std::nullopt;
  const size_t rank = std::max(a->size(), b->size());
  std::vector<Dim> out(rank);
  for (size_t i = 0; i < rank; ++i) {
    const Dim da = i + a->size() < rank ? Dim(1) : (*a)[i + a->size() - rank];
    const Dim db = i + b->size() < rank ? Dim(1) : (*b)[i + b->size() - rank];
    if (da == db || db == Dim(1)) {
      out[i] = da;
    } else if (da == Dim(1)) {
      out[i] = db;
    } else if (da.known() && db.known()) {
      fail_node(ctx, fmt::format("shapes {} and {} do not broadcast: dimension {} is {} and {}", shape_str(a),
                                 shape_str(b), i, da.value, db.value));
    } else if (da.known() || db.known()) {
      out[i] = da.known() ? da : db;  // the unknown one can only be equal, or 1
    }
  }
  return out;
}

SymbolicShape broadcast_inputs(const InferContext& ctx, size_t first, size_t last) {
  SymbolicShape shape = ctx.shape(first);
  for (size_t i = first + 1; i < last; ++i) shape = broadcast(ctx, shape, ctx.shape(i));
  return shape;
}

void require_broadcasts_to(const InferContext& ctx, const SymbolicShape& from, const SymbolicShape& to,
                           const char* what) {
  if (!from || !to) return;
  bool fits = from->size() <= to->size();
  for (size_t i = 0; fits && i < from->size(); ++i) {
    const Dim& f = (*from)[i];
    const Dim& t = (*to)[i + to->size() - from->size()];
    fits = !f.known() || f.value == 1 || !t.known() || f.value == t.value;
  }
  if (!fits)
    fail_node(ctx,
              fmt::format("{} of shape {} does not broadcast to {}", what, shape_str(from), shape_str(to)));
}

Dim equal_dims(const InferContext& ctx, const Dim& a, const Dim& b, const char* what) {
  if (a.known() && b.known() && a.value != b.value)
    fail_node(ctx, fmt::format("{} is {} on one side and {} on the other, expected the same", what, a.value,
                               b.value));
  if (a.known()) return a;
  return b.known() || a.symbol.empty() ? b : a;
}

Dim product(const InferContext& ctx, std::span<const Dim> dims) {
  int64_t known = 1;
  const Dim* open = nullptr;
  bool lone = true;
  for (const Dim& d : dims)
    if (d.value == 0) return Dim(0);
  for (const Dim& d : dims) {
    if (d.known()) {
      known = checked_times(ctx, known, d.value);
    } else {
      lone = open == nullptr;
      open = &d;
    }
  }
  if (open == nullptr) return Dim(known);
  return lone && known == 1 ? *open : Dim();
}

int64_t checked_times(const InferContext& ctx, int64_t a, int64_t b) {
  int64_t r = 0;
  if (__builtin_mul_overflow(a, b, &r)) fail_node(ctx, fmt::format("the size {} x {} is too large", a, b));
  return r;
}

int64_t checked_plus(const InferContext& ctx, int64_t a, int64_t b) {
  int64_t r = 0;
  if (__builtin_add_overflow(a, b, &r)) fail_node(ctx, fmt::format("the size {} + {} is too large", a, b));
  return r;
}

SymbolicShape unknown_dims(int rank) { return std::vector<Dim>(static_cast<size_t>(rank)); }

void set_output(InferContext& ctx, size_t output, DType dtype, SymbolicShape shape) {
  if (output >= ctx.outputs.size()) return;
  ctx.outputs[output].dtype = dtype;
  ctx.outputs[output].shape = std::move(shape);
}

void same_as_input(InferContext& ctx) { set_output(ctx, 0, ctx.dtype(0), ctx.shape(0)); }

}  // namespace precis::ops
