// Normalizations: BatchNormalization, InstanceNormalization, GroupNormalization, LayerNormalization,
// RMSNormalization, LRN, LpNormalization, MeanVarianceNormalization.
#include <cmath>

#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

void require_epsilon(const InferContext& ctx) {
  const float epsilon = ctx.node().get_float("epsilon", 1e-5f);
  ctx.require(std::isfinite(epsilon) && epsilon >= 0,
              "attribute 'epsilon' is {}, expected a finite number of at least 0", epsilon);
}

Dim channels(const SymbolicShape& x) { return x ? (*x)[1] : Dim(); }

void infer_batch_norm(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  require_epsilon(ctx);
  finite_attr(ctx, "momentum", 0.9f);
  const bool training = flag_attr(ctx, "training_mode", false);
  ctx.require(training || ctx.num_outputs() == 1,
              "has {} outputs, but only training_mode=1 gives more than one", ctx.num_outputs());
  ctx.require_rank(0, 2, kMaxRank);
  static constexpr const char* kNames[] = {"", "scale", "B", "input_mean", "input_var"};
  for (size_t i = 1; i <= 4; ++i) {
    require_type(ctx, i, kFloats);
    require_vector(ctx, i, channels(ctx.shape(0)), kNames[i]);
  }
  if (const Tensor* variance = ctx.constant(4))
    for (int64_t i = 0; i < variance->numel(); ++i)
      ctx.require(variance->at_double(i) >= 0, "input_var (input 4) holds {} at {}, expected at least 0",
                  variance->at_double(i), i);
  same_as_input(ctx);
  for (size_t i = 1; i < ctx.num_outputs(); ++i) set_output(ctx, i, ctx.dtype(3), ctx.shape(3));
}

void infer_instance_norm(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  require_epsilon(ctx);
  ctx.require_rank(0, 3, kMaxRank);
  for (size_t i = 1; i <= 2; ++i) {
    require_same_type(ctx, 0, i);
    require_vector(ctx, i, channels(ctx.shape(0)), i == 1 ? "scale" : "B");
  }
  same_as_input(ctx);
}

void infer_group_norm(InferContext& ctx) {
  const int64_t groups = int_attr(ctx, "num_groups", 0, 1, INT64_MAX);
  int_attr(ctx, "stash_type", 1, 1, 1);
  infer_instance_norm(ctx);
  const Dim c = channels(ctx.shape(0));
  ctx.require(!c.known() || c.value % groups == 0, "num_groups is {}, which does not divide {} channels",
              groups, c.value);
}

void infer_rms_norm(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  require_same_type(ctx, 0, 1);
  require_epsilon(ctx);
  int_attr(ctx, "stash_type", 1, 1, 1);
  if (const auto rank = ctx.rank(0)) axis_attr(ctx, -1, *rank);
  require_broadcasts_to(ctx, ctx.shape(1), ctx.shape(0), "scale (input 1)");
  same_as_input(ctx);
}

void infer_lp_norm(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  int_attr(ctx, "p", 2, 1, 2);
  if (const auto rank = ctx.rank(0)) axis_attr(ctx, -1, *rank);
  same_as_input(ctx);
}

void infer_layer_norm(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  require_epsilon(ctx);
  int_attr(ctx, "stash_type", 1, 1, 1);
  same_as_input(ctx);
  const SymbolicShape& x = ctx.shape(0);
  const DType statistics = DType::kF32;
  for (size_t i = 1; i < ctx.num_outputs(); ++i) set_output(ctx, i, statistics, std::nullopt);
  if (!x) return;
  const int axis = axis_attr(ctx, -1, static_cast<int>(x->size()));
  for (size_t i = 1; i <= 2; ++i) {
    if (!ctx.has_input(i)) continue;
    require_same_type(ctx, 0, i);
    require_broadcasts_to(ctx, ctx.shape(i), x, i == 1 ? "Scale (input 1)" : "B (input 2)");
  }
  std::vector<Dim> reduced = *x;
  for (size_t d = static_cast<size_t>(axis); d < reduced.size(); ++d) reduced[d] = 1;
  for (size_t i = 1; i < ctx.num_outputs(); ++i) ctx.outputs[i].shape = reduced;
}

void infer_mean_variance_norm(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  if (const auto rank = ctx.rank(0))
    checked_axes(ctx, ctx.node().get_ints("axes", {0, 2, 3}), *rank, "attribute 'axes'");
  same_as_input(ctx);
}

void infer_lrn(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  int_attr(ctx, "size", 1, 1, INT64_MAX);
  finite_attr(ctx, "alpha", 1e-4f);
  finite_attr(ctx, "beta", 0.75f);
  finite_attr(ctx, "bias", 1);
  ctx.require_rank(0, 2, kMaxRank);
  same_as_input(ctx);
}

}  // namespace

const std::vector<OpDecl>& norm_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "BatchNormalization",
       .min_inputs = 5,
       .max_inputs = 5,
       .max_outputs = 3,
       .attributes = {{"epsilon", AttrKind::kFloat},
                      {"momentum", AttrKind::kFloat},
                      {"training_mode", AttrKind::kInt}},
       .infer = infer_batch_norm},
      {.op = "InstanceNormalization",
       .min_inputs = 3,
       .max_inputs = 3,
       .attributes = {{"epsilon", AttrKind::kFloat}},
       .infer = infer_instance_norm},
      {.op = "LayerNormalization",
       .min_inputs = 2,
       .max_inputs = 3,
       .max_outputs = 3,
       .attributes = {{"axis", AttrKind::kInt},
                      {"epsilon", AttrKind::kFloat},
                      {"stash_type", AttrKind::kInt}},
       .infer = infer_layer_norm},
      {.op = "GroupNormalization",
       .min_inputs = 3,
       .max_inputs = 3,
       .attributes = {{"epsilon", AttrKind::kFloat},
                      {"num_groups", AttrKind::kInt, true},
                      {"stash_type", AttrKind::kInt}},
       .infer = infer_group_norm},
      {.op = "RMSNormalization",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"axis", AttrKind::kInt},
                      {"epsilon", AttrKind::kFloat},
                      {"stash_type", AttrKind::kInt}},
       .infer = infer_rms_norm},
      {.op = "LpNormalization",
       .attributes = {{"axis", AttrKind::kInt}, {"p", AttrKind::kInt}},
       .infer = infer_lp_norm},
      {.op = "MeanVarianceNormalization",
       .attributes = {{"axes", AttrKind::kInts}},
       .infer = infer_mean_variance_norm},
      {.op = "LRN",
       .attributes = {{"alpha", AttrKind::kFloat},
                      {"beta", AttrKind::kFloat},
                      {"bias", AttrKind::kFloat},
                      {"size", AttrKind::kInt, true}},
       .infer = infer_lrn},
  };
  return decls;
}

}  // namespace precis::ops
