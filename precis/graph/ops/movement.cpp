// Operators that join, cut, pad or rearrange tensors: Concat, Split, Slice, Pad, Tile, DepthToSpace,
// SpaceToDepth, Trilu.
#include <algorithm>

#include "precis/graph/ops/families.h"
#include "precis/graph/ops/fold.h"

namespace precis::ops {
namespace {

// --- Concat

void infer_concat(InferContext& ctx) {
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  std::optional<size_t> ranked;  // an input of known rank
  bool all_ranked = true;
  for (size_t i = 0; i < ctx.num_inputs(); ++i) {
    require_same_type(ctx, 0, i);
    if (ctx.shape(i) && !ranked) ranked = i;
    all_ranked = all_ranked && ctx.shape(i).has_value();
  }
  if (!ranked) return;
  const int rank = *ctx.rank(*ranked);
  const auto axis = static_cast<size_t>(axis_attr(ctx, 0, rank));
  std::vector<Dim> out(static_cast<size_t>(rank));
  Dim total = all_ranked ? Dim(0) : Dim();
  for (size_t i = 0; i < ctx.num_inputs(); ++i) {
    if (!ctx.shape(i)) continue;
    const std::vector<Dim>& s = *ctx.shape(i);
    ctx.require(s.size() == out.size(), "input {} has shape {}, expected rank {} as input {}", i,
                shape_str(s), rank, *ranked);
    for (size_t d = 0; d < s.size(); ++d) {
      if (d == axis) continue;
      ctx.require(!out[d].known() || !s[d].known() || out[d].value == s[d].value,
                  "input {} has shape {}: dimension {} is {}, but {} in the inputs before", i, shape_str(s),
                  d, s[d].value, out[d].value);
      if (!out[d].known() && (s[d].known() || out[d].symbol.empty())) out[d] = s[d];
    }
    total = total.known() && s[axis].known() ? Dim(checked_plus(ctx, total.value, s[axis].value)) : Dim();
  }
  out[axis] = ctx.num_inputs() == 1 ? (*ctx.shape(0))[axis] : total;
  ctx.outputs[0].shape = std::move(out);
}

// --- Split

// Lengths of the parts along a known length; ONNX: equal parts, the last one shorter when they do not come
// out even.
std::vector<int64_t> equal_parts(const InferContext& ctx, int64_t length) {
  const auto n = static_cast<int64_t>(ctx.num_outputs());
  const int64_t part = ceil_div(length, n);
  std::vector<int64_t> parts(ctx.num_outputs(), part);
  parts.back() = length - part * (n - 1);
  ctx.require(parts.back() >= 0, "cannot split a length of {} into {} parts", length, n);
  return parts;
}

std::optional<std::vector<int64_t>> split_parts(const InferContext& ctx, const Dim& length) {
  const bool given = ctx.has_input(1);
  if (ctx.node().has("num_outputs")) {
    ctx.require(!given, "has both the input 'split' and the attribute 'num_outputs', expected one of them");
    const int64_t n = int_attr(ctx, "num_outputs", 1, 1, INT64_MAX);
    ctx.require(n == static_cast<int64_t>(ctx.num_outputs()),
                "attribute 'num_outputs' is {}, but the node has {} outputs", n, ctx.num_outputs());
  }
  if (!given) return length.known() ? std::optional(equal_parts(ctx, length.value)) : std::nullopt;
  auto parts = known_ints(ctx, 1, "split");
  if (!parts) return std::nullopt;
  ctx.require(parts->size() == ctx.num_outputs(), "split (input 1) has {} values for {} outputs",
              parts->size(), ctx.num_outputs());
  int64_t sum = 0;
  for (int64_t p : *parts) {
    ctx.require(p >= 0, "split (input 1) holds {}, expected at least 0", p);
    sum = checked_plus(ctx, sum, p);
  }
  ctx.require(!length.known() || sum == length.value, "split (input 1) sums to {}, expected the length {}",
              sum, length.value);
  return parts;
}

void infer_split(InferContext& ctx) {
  const SymbolicShape& x = ctx.shape(0);
  for (size_t i = 0; i < ctx.num_outputs(); ++i) set_output(ctx, i, ctx.dtype(0), std::nullopt);
  if (!x) {
    split_parts(ctx, Dim());
    return;
  }
  ctx.require_rank(0, 1, kMaxRank);
  const auto axis = static_cast<size_t>(axis_attr(ctx, 0, static_cast<int>(x->size())));
  const auto parts = split_parts(ctx, (*x)[axis]);
  for (size_t i = 0; i < ctx.num_outputs(); ++i) {
    std::vector<Dim> out = *x;
    out[axis] = parts ? Dim((*parts)[i]) : Dim();
    ctx.outputs[i].shape = std::move(out);
  }
}

void fold_split(InferContext& ctx) {
  const auto source = ctx.partial(0);
  if (!source || source->shape.rank() != 1) return;
  int64_t start = 0;
  for (size_t k = 0; k < ctx.num_outputs(); ++k) {
    if (!fully_known(ctx.outputs[k].shape)) return;
    const Shape shape = to_shape(ctx.outputs[k].shape);
    fold_take(ctx, k, *source, shape, [start](int64_t i) { return start + i; });
    start += shape[0];
  }
}

// --- Slice

struct SliceRange {
  int64_t first = 0, step = 1, count = 0;
};

// ONNX: negative bounds count from the end. Then starts clamp to [0, length] (step > 0) or [0, length - 1]
// (step < 0), and ends to [0, length] or [-1, length - 1].
SliceRange slice_range(int64_t start, int64_t end, int64_t step, int64_t length) {
  if (length == 0) return {0, step, 0};
  const int64_t last = step > 0 ? length : length - 1;
  const auto counted = [&](int64_t v) { return v < 0 ? v + length : v; };
  SliceRange r{std::clamp<int64_t>(counted(start), 0, last), step, 0};
  const int64_t stop = std::clamp<int64_t>(counted(end), step > 0 ? 0 : -1, last);
  const int64_t distance = step > 0 ? stop - r.first : r.first - stop;
  if (distance > 0) r.count = (distance - 1) / (step > 0 ? step : -step) + 1;
  return r;
}

struct SliceInputs {
  std::optional<std::vector<int64_t>> starts, ends, axes, steps;
  bool bounds_known() const { return starts && ends && steps; }
};

SliceInputs read_slice(const InferContext& ctx) {
  SliceInputs s{known_ints(ctx, 1, "starts"), known_ints(ctx, 2, "ends"), std::nullopt, std::nullopt};
  std::optional<size_t> count;
  if (const auto starts = partial_ints(ctx, 1, "starts")) count = starts->size();
  if (ctx.has_input(3)) {
    s.axes = known_ints(ctx, 3, "axes");
    if (s.axes && !count) count = s.axes->size();
  } else if (count) {
    s.axes.emplace();
    for (size_t i = 0; i < *count; ++i) s.axes->push_back(static_cast<int64_t>(i));
  }
  if (ctx.has_input(4))
    s.steps = known_ints(ctx, 4, "steps");
  else if (count)
    s.steps = std::vector<int64_t>(*count, 1);
  if (s.steps)
    for (int64_t step : *s.steps)
      ctx.require(step != 0 && step != INT64_MIN,
                  "steps (input 4) holds {}, expected a number other than 0 that can be negated", step);
  for (const auto& [list, name] :
       {std::pair(&s.ends, "ends"), std::pair(&s.axes, "axes"), std::pair(&s.steps, "steps")})
    ctx.require(!count || !*list || (*list)->size() == *count, "{} has {} values, but starts has {}", name,
                *list ? (*list)->size() : 0, count.value_or(0));
  return s;
}

void infer_slice(InferContext& ctx) {
  const SliceInputs s = read_slice(ctx);
  SymbolicShape out = ctx.shape(0);
  if (out && !s.axes) out = unknown_dims(static_cast<int>(out->size()));
  if (out && s.axes) {
    const std::vector<int> axes = checked_axes(ctx, *s.axes, static_cast<int>(out->size()), "axis");
    for (size_t i = 0; i < axes.size(); ++i) {
      Dim& d = (*out)[static_cast<size_t>(axes[i])];
      const bool whole =
          s.bounds_known() && (*s.starts)[i] == 0 && (*s.ends)[i] >= INT32_MAX && (*s.steps)[i] == 1;
      if (s.bounds_known() && d.known())
        d = slice_range((*s.starts)[i], (*s.ends)[i], (*s.steps)[i], d.value).count;
      else if (!whole)
        d = Dim();
    }
  }
  set_output(ctx, 0, ctx.dtype(0), std::move(out));
}

void fold_slice(InferContext& ctx) {
  const auto source = ctx.partial(0);
  const SliceInputs s = read_slice(ctx);
  if (!source || source->shape.rank() != 1 || !s.bounds_known() || s.starts->size() != 1) return;
  const SliceRange r = slice_range((*s.starts)[0], (*s.ends)[0], (*s.steps)[0], source->shape[0]);
  fold_take(ctx, 0, *source, Shape{r.count}, [&](int64_t i) { return r.first + i * r.step; });
}

// --- Pad

std::optional<std::vector<int>> pad_axes(const InferContext& ctx, int rank) {
  std::vector<int64_t> all;
  for (int i = 0; i < rank; ++i) all.push_back(i);
  if (!ctx.has_input(3)) return checked_axes(ctx, all, rank, "axis");
  const auto given = known_ints(ctx, 3, "axes");
  if (!given) return std::nullopt;
  return checked_axes(ctx, *given, rank, "axis");
}

// A mirror without its edge has only length - 1 elements to give on each side; what a wider one would mean
// differs from runtime to runtime.
void require_mirror_reaches(InferContext& ctx, int64_t pad, int axis, int64_t length) {
  ctx.require(pad <= 0 || pad < length,
              "pads (input 1) reflect {} elements along axis {}, but the input has length {} there: expected "
              "at most {}",
              pad, axis, length, std::max<int64_t>(length - 1, 0));
}

void infer_pad(InferContext& ctx) {
  choice_attr(ctx, "mode", "constant", {"constant", "reflect", "edge", "wrap"});
  const bool reflects = ctx.node().get_string("mode", "constant") == "reflect";
  if (ctx.has_input(2)) {
    require_same_type(ctx, 0, 2);
    require_scalar(ctx, 2, "constant_value");
  }
  const auto pads = known_ints(ctx, 1, "pads");
  SymbolicShape out = ctx.shape(0);
  const auto axes = out ? pad_axes(ctx, static_cast<int>(out->size())) : std::nullopt;
  if (out && !(axes && pads)) out = unknown_dims(static_cast<int>(out->size()));
  if (axes && pads) {
    const size_t n = axes->size();
    ctx.require(pads->size() == 2 * n, "pads (input 1) has {} values, expected {}", pads->size(), 2 * n);
    for (size_t i = 0; i < n; ++i) {
      Dim& d = (*out)[static_cast<size_t>((*axes)[i])];
      const int64_t begin = (*pads)[i], end = (*pads)[i + n];
      if (begin == 0 && end == 0) continue;
      if (!d.known()) {
        d = Dim();
        continue;
      }
      for (int64_t pad : {begin, end})
        if (reflects) require_mirror_reaches(ctx, pad, (*axes)[i], d.value);
      const int64_t length = checked_plus(ctx, d.value, checked_plus(ctx, begin, end));
      ctx.require(length >= 0 && d.value + std::min<int64_t>(begin, 0) >= 0 &&
                      d.value + std::min<int64_t>(end, 0) >= 0,
                  "pads (input 1) take {} and {} from axis {} of length {}", -begin, -end, (*axes)[i],
                  d.value);
      d = length;
    }
  }
  set_output(ctx, 0, ctx.dtype(0), std::move(out));
}

// --- the rest

void infer_tile(InferContext& ctx) {
  const SymbolicShape& x = ctx.shape(0);
  const auto repeats = partial_ints(ctx, 1, "repeats");
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  if (!repeats) return;
  if (x)
    ctx.require(repeats->size() == x->size(), "repeats (input 1) has {} values, expected {}", repeats->size(),
                x->size());
  std::vector<Dim> out;
  for (size_t i = 0; i < repeats->size(); ++i) {
    const PartialElement& r = (*repeats)[i];
    ctx.require(!r.known || r.integer >= 0, "repeats (input 1) holds {}, expected at least 0", r.integer);
    const Dim factors[] = {x ? (*x)[i] : Dim(), dim_of(r)};
    out.push_back(product(ctx, factors));
  }
  ctx.outputs[0].shape = std::move(out);
}

constexpr int64_t kMaxBlock = 1 << 20;

void infer_depth_to_space(InferContext& ctx) {
  const int64_t block = int_attr(ctx, "blocksize", 0, 1, kMaxBlock);
  choice_attr(ctx, "mode", "DCR", {"DCR", "CRD"});
  ctx.require_rank(0, 4, 4);
  SymbolicShape y = ctx.shape(0);
  if (y) {
    Dim& c = (*y)[1];
    if (c.known())
      ctx.require(c.value % (block * block) == 0,
                  "the {} channels do not divide by blocksize x blocksize = {}", c.value, block * block);
    c = c.known() ? Dim(c.value / (block * block)) : Dim();
    for (size_t i = 2; i < 4; ++i)
      (*y)[i] = (*y)[i].known() ? Dim(checked_times(ctx, (*y)[i].value, block)) : Dim();
  }
  set_output(ctx, 0, ctx.dtype(0), std::move(y));
}

void infer_space_to_depth(InferContext& ctx) {
  const int64_t block = int_attr(ctx, "blocksize", 0, 1, kMaxBlock);
  ctx.require_rank(0, 4, 4);
  SymbolicShape y = ctx.shape(0);
  if (y) {
    for (size_t i = 2; i < 4; ++i) {
      Dim& d = (*y)[i];
      if (d.known())
        ctx.require(d.value % block == 0, "dimension {} is {}, which does not divide by blocksize {}", i,
                    d.value, block);
      d = d.known() ? Dim(d.value / block) : Dim();
    }
    (*y)[1] = (*y)[1].known() ? Dim(checked_times(ctx, (*y)[1].value, block * block)) : Dim();
  }
  set_output(ctx, 0, ctx.dtype(0), std::move(y));
}

void infer_trilu(InferContext& ctx) {
  flag_attr(ctx, "upper", true);
  ctx.require_rank(0, 2, kMaxRank);
  if (ctx.has_input(1)) require_scalar(ctx, 1, "k");
  same_as_input(ctx);
}

}  // namespace

const std::vector<OpDecl>& movement_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "Concat",
       .max_inputs = -1,
       .attributes = {{"axis", AttrKind::kInt, true}},
       .infer = infer_concat,
       .moves_data = true,
       .fold = fold_concat},
      {.op = "Split",
       .max_inputs = 2,
       .max_outputs = -1,
       .attributes = {{"axis", AttrKind::kInt}, {"num_outputs", AttrKind::kInt}},
       .infer = infer_split,
       .moves_data = true,
       .fold = fold_split},
      {.op = "Slice",
       .min_inputs = 3,
       .max_inputs = 5,
       .infer = infer_slice,
       .moves_data = true,
       .fold = fold_slice},
      {.op = "Pad",
       .min_inputs = 2,
       .max_inputs = 4,
       .attributes = {{"mode", AttrKind::kString}},
       .infer = infer_pad,
       .moves_data = true},
      {.op = "Tile", .min_inputs = 2, .max_inputs = 2, .infer = infer_tile, .moves_data = true},
      {.op = "DepthToSpace",
       .attributes = {{"blocksize", AttrKind::kInt, true}, {"mode", AttrKind::kString}},
       .infer = infer_depth_to_space,
       .moves_data = true},
      {.op = "SpaceToDepth",
       .attributes = {{"blocksize", AttrKind::kInt, true}},
       .infer = infer_space_to_depth,
       .moves_data = true},
      {.op = "Trilu",
       .min_inputs = 1,
       .max_inputs = 2,
       .attributes = {{"upper", AttrKind::kInt}},
       .infer = infer_trilu},
  };
  return decls;
}

}  // namespace precis::ops
