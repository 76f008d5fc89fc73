// Reading images at computed places: GridSample, and AffineGrid, which makes such grids.
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

// Images [N, C, d1 ...], grid [N, o1 ..., coordinates].
void infer_grid_sample(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  require_type(ctx, 1, kFloats);
  choice_attr(ctx, "mode", "linear", {"linear", "nearest", "cubic"});
  choice_attr(ctx, "padding_mode", "zeros", {"zeros", "border", "reflection"});
  flag_attr(ctx, "align_corners", false);
  ctx.require_rank(0, 3, 5);
  const SymbolicShape &x = ctx.shape(0), &grid = ctx.shape(1);
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  if (!x) return;
  const auto rank = static_cast<int>(x->size());
  ctx.require_rank(1, rank, rank);
  std::vector<Dim> y = *unknown_dims(rank);
  y[0] = (*x)[0];
  y[1] = (*x)[1];
  for (size_t i = 2; i < x->size(); ++i)
    ctx.require((*x)[i].value != 0, "the images have shape {}, with no element along dimension {}",
                shape_str(x), i);
  if (grid) {
    y[0] = equal_dims(ctx, (*x)[0], (*grid)[0], "the batch of images and grids");
    ctx.require(!grid->back().known() || grid->back().value == rank - 2,
                "the grid has shape {}, expected {} coordinates at its end", shape_str(grid), rank - 2);
    for (size_t i = 2; i < y.size(); ++i) y[i] = (*grid)[i - 1];
  }
  ctx.outputs[0].shape = std::move(y);
}

// theta [N, r, r + 1], size [N, C, d1 .. dr]: the grid is [N, d1 .. dr, r].
void infer_affine_grid(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  require_type(ctx, 1, types({DType::kI64}));
  flag_attr(ctx, "align_corners", false);
  ctx.require_rank(0, 3, 3);
  const SymbolicShape& theta = ctx.shape(0);
  if (theta) {
    const Dim &rows = (*theta)[1], &columns = (*theta)[2];
    ctx.require((!rows.known() || rows.value == 2 || rows.value == 3) &&
                    (!rows.known() || !columns.known() || columns.value == rows.value + 1),
                "theta (input 0) has shape {}, expected [n,2,3] or [n,3,4]", shape_str(theta));
  }
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  const auto size = known_ints(ctx, 1, "size");
  if (!size) return;
  ctx.require(size->size() == 4 || size->size() == 5, "size (input 1) has {} values, expected 4 or 5",
              size->size());
  for (int64_t d : *size) ctx.require(d >= 1, "size (input 1) holds {}, expected at least 1", d);
  const auto spatial = static_cast<int64_t>(size->size()) - 2;
  if (theta) {
    equal_dims(ctx, (*theta)[0], Dim((*size)[0]), "the batch of theta and size");
    equal_dims(ctx, (*theta)[1], Dim(spatial), "the number of coordinates of theta and size");
  }
  std::vector<Dim> y = {Dim((*size)[0])};
  for (size_t i = 2; i < size->size(); ++i) y.emplace_back((*size)[i]);
  y.emplace_back(spatial);
  ctx.outputs[0].shape = std::move(y);
}

}  // namespace

const std::vector<OpDecl>& sampling_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "AffineGrid",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"align_corners", AttrKind::kInt}},
       .infer = infer_affine_grid},
      {.op = "GridSample",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"align_corners", AttrKind::kInt},
                      {"mode", AttrKind::kString},
                      {"padding_mode", AttrKind::kString}},
       .infer = infer_grid_sample},
  };
  return decls;
}

}  // namespace precis::ops
