// Detection: NonMaxSuppression, RoiAlign, MaxRoiPool.
#include <cmath>

#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

// Boxes [batch, n, 4], scores [batch, classes, n]; how many are selected only the values tell.
void infer_nms(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  require_same_type(ctx, 0, 1);
  flag_attr(ctx, "center_point_box", false);
  ctx.require_rank(0, 3, 3);
  ctx.require_rank(1, 3, 3);
  const SymbolicShape &boxes = ctx.shape(0), &scores = ctx.shape(1);
  if (boxes) {
    ctx.require(!(*boxes)[2].known() || (*boxes)[2].value == 4,
                "the boxes have shape {}, expected 4 at the end", shape_str(boxes));
    if (scores) {
      equal_dims(ctx, (*boxes)[0], (*scores)[0], "the batch of boxes and scores");
      equal_dims(ctx, (*boxes)[1], (*scores)[2], "the number of boxes and scores");
    }
  }
  if (ctx.has_input(2)) require_type(ctx, 2, types({DType::kI64}));
  known_scalar(ctx, 2, "max_output_boxes_per_class");
  const auto iou = known_scalar(ctx, 3, "iou_threshold");
  ctx.require(!iou || (*iou >= 0 && *iou <= 1), "iou_threshold (input 3) is {}, expected 0 to 1",
              iou.value_or(0));
  const auto score = known_scalar(ctx, 4, "score_threshold");
  ctx.require(!score || !std::isnan(*score), "score_threshold (input 4) is NaN");
  set_output(ctx, 0, DType::kI64, std::vector<Dim>{Dim(), Dim(3)});
}

void check_scale(const InferContext& ctx) {
  const float scale = finite_attr(ctx, "spatial_scale", 1);
  ctx.require(scale > 0, "attribute 'spatial_scale' is {}, expected more than 0", scale);
}

// Regions of interest of `columns` numbers each: output 0 is [regions, channels, height, width].
void infer_regions(InferContext& ctx, int64_t columns, const Dim& height, const Dim& width) {
  require_type(ctx, 0, kFloats);
  require_same_type(ctx, 0, 1);
  check_scale(ctx);
  ctx.require_rank(0, 4, 4);
  ctx.require_rank(1, 2, 2);
  const SymbolicShape &x = ctx.shape(0), &rois = ctx.shape(1);
  ctx.require(!rois || !(*rois)[1].known() || (*rois)[1].value == columns,
              "the regions (input 1) have shape {}, expected [n,{}]", shape_str(rois), columns);
  set_output(ctx, 0, ctx.dtype(0),
             std::vector<Dim>{rois ? (*rois)[0] : Dim(), x ? (*x)[1] : Dim(), height, width});
}

void infer_roi_align(InferContext& ctx) {
  choice_attr(ctx, "mode", "avg", {"avg", "max"});
  choice_attr(ctx, "coordinate_transformation_mode", "half_pixel", {"half_pixel", "output_half_pixel"});
  int_attr(ctx, "sampling_ratio", 0, 0, 4096);
  const int64_t height = int_attr(ctx, "output_height", 1, 1, INT32_MAX),
                width = int_attr(ctx, "output_width", 1, 1, INT32_MAX);
  require_type(ctx, 2, types({DType::kI64}));
  infer_regions(ctx, 4, Dim(height), Dim(width));
  const SymbolicShape& rois = ctx.shape(1);
  require_vector(ctx, 2, rois ? (*rois)[0] : Dim(), "batch_indices");
}

void infer_max_roi_pool(InferContext& ctx) {
  const auto pooled = ctx.node().get_ints("pooled_shape");
  ctx.require(pooled.size() == 2 && pooled[0] >= 1 && pooled[1] >= 1,
              "attribute 'pooled_shape' has {} values, expected a height and a width of at least 1",
              pooled.size());
  infer_regions(ctx, 5, Dim(pooled[0]), Dim(pooled[1]));
}

}  // namespace

const std::vector<OpDecl>& detection_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "NonMaxSuppression",
       .min_inputs = 2,
       .max_inputs = 5,
       .attributes = {{"center_point_box", AttrKind::kInt}},
       .infer = infer_nms},
      {.op = "RoiAlign",
       .min_inputs = 3,
       .max_inputs = 3,
       .attributes = {{"coordinate_transformation_mode", AttrKind::kString},
                      {"mode", AttrKind::kString},
                      {"output_height", AttrKind::kInt},
                      {"output_width", AttrKind::kInt},
                      {"sampling_ratio", AttrKind::kInt},
                      {"spatial_scale", AttrKind::kFloat}},
       .infer = infer_roi_align},
      {.op = "MaxRoiPool",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"pooled_shape", AttrKind::kInts, true}, {"spatial_scale", AttrKind::kFloat}},
       .infer = infer_max_roi_pool},
  };
  return decls;
}

}  // namespace precis::ops
