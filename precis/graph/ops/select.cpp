// Selection and counting along axes: TopK, NonZero, OneHot, CumSum.
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

void infer_top_k(InferContext& ctx) {
  require_type(ctx, 0, kNumbers);
  flag_attr(ctx, "largest", true);
  flag_attr(ctx, "sorted", true);
  require_scalar(ctx, 1, "K");
  const auto k = known_ints(ctx, 1, "K");
  SymbolicShape out = ctx.shape(0);
  if (out) {
    ctx.require_rank(0, 1, kMaxRank);
    Dim& d = (*out)[static_cast<size_t>(axis_attr(ctx, -1, static_cast<int>(out->size())))];
    if (k && d.known())
      ctx.require((*k)[0] <= d.value, "K (input 1) is {}, more than the {} elements along the axis", (*k)[0],
                  d.value);
    if (k) ctx.require((*k)[0] >= 0, "K (input 1) is {}, expected at least 0", (*k)[0]);
    d = k ? Dim((*k)[0]) : Dim();
  }
  set_output(ctx, 0, ctx.dtype(0), out);
  set_output(ctx, 1, DType::kI64, out);
}

void infer_non_zero(InferContext& ctx) {
  const SymbolicShape& x = ctx.shape(0);
  // A scalar counts as a vector of one element.
  const Dim rank = x ? Dim(x->empty() ? 1 : static_cast<int64_t>(x->size())) : Dim();
  set_output(ctx, 0, DType::kI64, std::vector<Dim>{rank, Dim()});
}

void infer_one_hot(InferContext& ctx) {
  require_type(ctx, 0, kNumbers);
  require_type(ctx, 1, kNumbers);
  require_vector(ctx, 2, Dim(2), "values");
  const auto depth = known_scalar(ctx, 1, "depth");
  ctx.require(!depth || (*depth >= 1 && *depth <= 1e12), "depth (input 1) is {}, expected at least 1",
              depth.value_or(0));
  SymbolicShape out = ctx.shape(0);
  if (out) {
    const int axis = axis_attr(ctx, -1, static_cast<int>(out->size()) + 1);
    out->insert(out->begin() + axis, depth ? Dim(static_cast<int64_t>(*depth)) : Dim());
  }
  set_output(ctx, 0, ctx.dtype(2), std::move(out));
}

void infer_cum_sum(InferContext& ctx) {
  require_type(ctx, 0, kNumbers);
  flag_attr(ctx, "exclusive", false);
  flag_attr(ctx, "reverse", false);
  require_scalar(ctx, 1, "axis");
  const auto axis = known_ints(ctx, 1, "axis");
  if (axis && ctx.rank(0)) checked_axis(ctx, (*axis)[0], *ctx.rank(0), "axis (input 1)");
  same_as_input(ctx);
}

}  // namespace

const std::vector<OpDecl>& select_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "TopK",
       .min_inputs = 2,
       .max_inputs = 2,
       .min_outputs = 2,
       .max_outputs = 2,
       .attributes = {{"axis", AttrKind::kInt}, {"largest", AttrKind::kInt}, {"sorted", AttrKind::kInt}},
       .infer = infer_top_k},
      {.op = "NonZero", .infer = infer_non_zero},
      {.op = "OneHot",
       .min_inputs = 3,
       .max_inputs = 3,
       .attributes = {{"axis", AttrKind::kInt}},
       .infer = infer_one_hot},
      {.op = "CumSum",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"exclusive", AttrKind::kInt}, {"reverse", AttrKind::kInt}},
       .infer = infer_cum_sum},
  };
  return decls;
}

}  // namespace precis::ops
