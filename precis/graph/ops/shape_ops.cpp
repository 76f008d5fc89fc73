// Operators that change the shape and keep the elements (Reshape family, Transpose, Expand), and those that
// read a shape.
#include <algorithm>
#include <map>
#include <numeric>

#include "precis/graph/ops/families.h"
#include "precis/graph/ops/fold.h"

namespace precis::ops {
namespace {

// --- Reshape

// What is left of a shape's element count once the symbols that both sides share are cancelled.
struct Count {
  int64_t known = 1;
  std::map<std::string, int> symbols;  // with multiplicity
  int unknown = 0;                     // dimensions without a name
};

void count_dim(const InferContext& ctx, Count& count, const Dim& d) {
  if (d.known())
    count.known = checked_times(ctx, count.known, d.value);
  else if (d.symbol.empty())
    ++count.unknown;
  else
    ++count.symbols[d.symbol];
}

Count count_dims(const InferContext& ctx, std::span<const Dim> dims) {
  Count count;
  for (const Dim& d : dims) count_dim(ctx, count, d);
  return count;
}

// The dimension that makes both sides equal, as far as it can be told: input / target.
Dim missing_dim(const InferContext& ctx, Count input, const Count& target) {
  if (input.unknown > 0 || target.unknown > 0 || target.known == 0) return {};
  for (const auto& [symbol, n] : target.symbols) {
    const auto it = input.symbols.find(symbol);
    if (it == input.symbols.end() || it->second < n) return {};
    it->second -= n;
    if (it->second == 0) input.symbols.erase(it);
  }
  if (input.symbols.empty()) {
    ctx.require(input.known % target.known == 0,
                "cannot fill the -1 of the shape: {} elements do not divide by {}", input.known,
                target.known);
    return input.known / target.known;
  }
  const bool lone =
      input.symbols.size() == 1 && input.symbols.begin()->second == 1 && input.known == target.known;
  return lone ? Dim::named(input.symbols.begin()->first) : Dim();
}

void infer_reshape(InferContext& ctx) {
  const bool allow_zero = flag_attr(ctx, "allowzero", false);
  const auto target = partial_ints(ctx, 1, "shape");
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  if (!target) return;
  const SymbolicShape& x = ctx.shape(0);
  std::vector<Dim> out;
  int open = -1;  // index of the -1
  bool any_zero = false;
  for (size_t i = 0; i < target->size(); ++i) {
    const PartialElement& e = (*target)[i];
    ctx.require(!e.known || e.integer >= -1, "shape (input 1) holds {}, expected -1 or more", e.integer);
    if (e.known && e.integer == -1) {
      ctx.require(open < 0, "shape (input 1) holds -1 more than once, at {} and {}", open, i);
      open = static_cast<int>(i);
      out.emplace_back();
    } else if (e.known && e.integer == 0 && !allow_zero) {
      ctx.require(!x || i < x->size(), "shape (input 1) copies dimension {}, but the input has shape {}", i,
                  shape_str(x));
      out.push_back(x ? (*x)[i] : Dim());
    } else {
      any_zero = any_zero || (e.known && e.integer == 0);
      out.push_back(dim_of(e));
    }
  }
  ctx.require(!any_zero || open < 0, "shape (input 1) holds 0 and -1, which allowzero=1 forbids");
  if (x) {
    Count made;
    for (size_t i = 0; i < out.size(); ++i)
      if (static_cast<int>(i) != open) count_dim(ctx, made, out[i]);
    if (open >= 0) {
      out[static_cast<size_t>(open)] = missing_dim(ctx, count_dims(ctx, *x), made);
    } else if (fully_known(x) && fully_known(out)) {
      const int64_t elements = count_dims(ctx, *x).known;
      ctx.require(elements == made.known, "cannot reshape {} into {}: {} and {} elements", shape_str(x),
                  shape_str(out), elements, made.known);
    }
  }
  ctx.outputs[0].shape = std::move(out);
}

void infer_flatten(InferContext& ctx) {
  const SymbolicShape& x = ctx.shape(0);
  set_output(ctx, 0, ctx.dtype(0), unknown_dims(2));
  if (!x) return;
  const int64_t rank = static_cast<int64_t>(x->size());
  int64_t axis = int_attr(ctx, "axis", 1, -rank, rank);
  if (axis < 0) axis += rank;
  const std::span<const Dim> dims(*x);
  ctx.outputs[0].shape = std::vector<Dim>{product(ctx, dims.first(static_cast<size_t>(axis))),
                                          product(ctx, dims.subspan(static_cast<size_t>(axis)))};
}

// --- dimensions of length 1

void squeeze_all(InferContext& ctx, const std::vector<Dim>& x) {
  std::vector<Dim> out;
  for (const Dim& d : x) {
    if (!d.known()) return;  // it may be 1
    if (d.value != 1) out.push_back(d);
  }
  ctx.outputs[0].shape = std::move(out);
}

void infer_squeeze(InferContext& ctx) {
  const SymbolicShape& x = ctx.shape(0);
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  if (!ctx.has_input(1)) {
    if (x) squeeze_all(ctx, *x);
    return;
  }
  const auto values = known_ints(ctx, 1, "axes");
  if (!x || !values) return;
  const std::vector<int> axes = checked_axes(ctx, *values, static_cast<int>(x->size()), "axis");
  std::vector<bool> dropped(x->size(), false);
  for (int a : axes) {
    const Dim& d = (*x)[static_cast<size_t>(a)];
    ctx.require(!d.known() || d.value == 1, "axis {} of {} has length {}, expected 1", a, shape_str(x),
                d.value);
    dropped[static_cast<size_t>(a)] = true;
  }
  std::vector<Dim> out;
  for (size_t i = 0; i < x->size(); ++i)
    if (!dropped[i]) out.push_back((*x)[i]);
  ctx.outputs[0].shape = std::move(out);
}

void infer_unsqueeze(InferContext& ctx) {
  const SymbolicShape& x = ctx.shape(0);
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  const auto values = known_ints(ctx, 1, "axes");
  if (!x || !values) return;
  const size_t rank = x->size() + values->size();
  std::vector<bool> added(rank, false);
  for (int a : checked_axes(ctx, *values, static_cast<int>(rank), "axis"))
    added[static_cast<size_t>(a)] = true;
  std::vector<Dim> out;
  for (size_t i = 0, next = 0; i < rank; ++i) out.push_back(added[i] ? Dim(1) : (*x)[next++]);
  ctx.outputs[0].shape = std::move(out);
}

// --- order and repetition

void infer_transpose(InferContext& ctx) {
  const SymbolicShape& x = ctx.shape(0);
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  if (!x) return;
  const auto rank = static_cast<int>(x->size());
  std::vector<int64_t> perm(x->size());
  std::iota(perm.rbegin(), perm.rend(), 0);
  perm = ctx.node().get_ints("perm", perm);
  ctx.require(perm.size() == x->size(), "attribute 'perm' has {} values, expected {} for the input {}",
              perm.size(), rank, shape_str(x));
  const auto in_range = [&](int64_t a) { return a >= 0 && a < rank; };
  for (int64_t a : perm) ctx.require(in_range(a), "attribute 'perm' holds {}, expected 0 to {}", a, rank - 1);
  std::vector<Dim> out;
  for (int a : checked_axes(ctx, perm, rank, "axis of attribute 'perm':"))
    out.push_back((*x)[static_cast<size_t>(a)]);
  ctx.outputs[0].shape = std::move(out);
}

void infer_expand(InferContext& ctx) {
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  const auto target = partial_ints(ctx, 1, "shape");
  if (!target) return;
  std::vector<Dim> dims;
  for (const PartialElement& e : *target) {
    ctx.require(!e.known || e.integer >= 0, "shape (input 1) holds {}, expected at least 0", e.integer);
    dims.push_back(dim_of(e));
  }
  ctx.outputs[0].shape = broadcast(ctx, ctx.shape(0), dims);
}

// --- reading shapes

std::pair<size_t, size_t> shape_range(const InferContext& ctx, size_t rank) {
  const auto bound = [&](const char* name, int64_t fallback) {
    int64_t v = ctx.node().get_int(name, fallback);
    if (v < 0) v += static_cast<int64_t>(rank);
    return std::clamp<int64_t>(v, 0, static_cast<int64_t>(rank));
  };
  const auto start = static_cast<size_t>(bound("start", 0)),
             end = static_cast<size_t>(bound("end", static_cast<int64_t>(rank)));
  return {start, std::max(start, end)};
}

void infer_shape(InferContext& ctx) {
  set_output(ctx, 0, DType::kI64, unknown_dims(1));
  if (const SymbolicShape& x = ctx.shape(0)) {
    const auto [start, end] = shape_range(ctx, x->size());
    ctx.outputs[0].shape = std::vector<Dim>{Dim(static_cast<int64_t>(end - start))};
  }
}

PartialElement element_of(const Dim& d) {
  return d.known() ? PartialElement::of(d.value) : PartialElement::named(d.symbol);
}

void fold_shape(InferContext& ctx) {
  const SymbolicShape& x = ctx.shape(0);
  if (!x) return;
  const auto [start, end] = shape_range(ctx, x->size());
  PartialValue v{DType::kI64, Shape{static_cast<int64_t>(end - start)}, {}};
  for (size_t i = start; i < end; ++i) v.elements.push_back(element_of((*x)[i]));
  ctx.output_partials[0] = std::move(v);
}

void infer_size(InferContext& ctx) { set_output(ctx, 0, DType::kI64, std::vector<Dim>{}); }

void fold_size(InferContext& ctx) {
  if (const SymbolicShape& x = ctx.shape(0))
    ctx.output_partials[0] = PartialValue{DType::kI64, Shape{}, {element_of(product(ctx, *x))}};
}

void infer_identity(InferContext& ctx) {
  same_as_input(ctx);
  ctx.outputs[0].element = ctx.input(0).element;
}

}  // namespace

const std::vector<OpDecl>& shape_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "Reshape",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"allowzero", AttrKind::kInt}},
       .infer = infer_reshape,
       .moves_data = true,
       .fold = fold_copy},
      {.op = "Flatten",
       .attributes = {{"axis", AttrKind::kInt}},
       .infer = infer_flatten,
       .moves_data = true,
       .fold = fold_copy},
      {.op = "Squeeze", .max_inputs = 2, .infer = infer_squeeze, .moves_data = true, .fold = fold_copy},
      {.op = "Unsqueeze",
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_unsqueeze,
       .moves_data = true,
       .fold = fold_copy},
      {.op = "Identity",
       .infer = infer_identity,
       .moves_data = true,
       .takes_containers = true,
       .fold = fold_copy},
      {.op = "Transpose",
       .attributes = {{"perm", AttrKind::kInts}},
       .infer = infer_transpose,
       .moves_data = true},
      {.op = "Expand",
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_expand,
       .moves_data = true,
       .fold = fold_expand},
      {.op = "Shape",
       .attributes = {{"end", AttrKind::kInt}, {"start", AttrKind::kInt}},
       .infer = infer_shape,
       .fold = fold_shape},
      {.op = "Size", .infer = infer_size, .fold = fold_size},
  };
  return decls;
}

}  // namespace precis::ops
