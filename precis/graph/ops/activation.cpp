// Activation functions and soft maxima: element-wise functions with parameters, and those along one axis.
#include <cmath>

#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

// Float functions whose parameters are the attributes alpha, beta, gamma where declared; all must be finite.
void infer_parametric(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  for (const char* name : {"alpha", "beta", "gamma"}) finite_attr(ctx, name, 0);
  same_as_input(ctx);
}

void infer_shrink(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  finite_attr(ctx, "bias", 0);
  finite_attr(ctx, "lambd", 0.5f);
  same_as_input(ctx);
}

void infer_gelu(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  choice_attr(ctx, "approximate", "none", {"none", "tanh"});
  same_as_input(ctx);
}

void infer_prelu(InferContext& ctx) {
  require_type(ctx, 0, kFloats | types({DType::kI32, DType::kI64, DType::kU32, DType::kU64}));
  require_same_type(ctx, 0, 1);
  require_broadcasts_to(ctx, ctx.shape(1), ctx.shape(0), "the slope (input 1)");
  same_as_input(ctx);
}

void infer_clip(InferContext& ctx) {
  require_type(ctx, 0, kNumbers);
  static constexpr const char* kNames[] = {"", "min", "max"};
  std::optional<double> bounds[3];
  for (size_t i = 1; i <= 2; ++i) {
    if (!ctx.has_input(i)) continue;
    require_same_type(ctx, 0, i);
    bounds[i] = known_scalar(ctx, i, kNames[i]);
    ctx.require(!bounds[i] || !std::isnan(*bounds[i]), "{} (input {}) is NaN, expected a number", kNames[i],
                i);
  }
  if (bounds[1] && bounds[2])
    ctx.require(*bounds[1] <= *bounds[2], "min is {} and max is {}, expected min <= max", *bounds[1],
                *bounds[2]);
  same_as_input(ctx);
}

void infer_along_axis(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  if (const auto rank = ctx.rank(0)) axis_attr(ctx, -1, *rank);
  same_as_input(ctx);
}

}  // namespace

const std::vector<OpDecl>& activation_ops() {
  static const std::vector<AttrDecl> axis = {{"axis", AttrKind::kInt}}, alpha = {{"alpha", AttrKind::kFloat}},
                                     alpha_beta = {{"alpha", AttrKind::kFloat}, {"beta", AttrKind::kFloat}},
                                     alpha_gamma = {{"alpha", AttrKind::kFloat}, {"gamma", AttrKind::kFloat}};
  static const std::vector<OpDecl> decls = {
      {.op = "Relu", .infer = infer_same<kFloats | kSignedInts>},
      {.op = "LeakyRelu", .attributes = alpha, .infer = infer_parametric},
      {.op = "Elu", .attributes = alpha, .infer = infer_parametric},
      {.op = "Celu", .attributes = alpha, .infer = infer_parametric},
      {.op = "Selu", .attributes = alpha_gamma, .infer = infer_parametric},
      {.op = "ThresholdedRelu", .attributes = alpha, .infer = infer_parametric},
      {.op = "HardSigmoid", .attributes = alpha_beta, .infer = infer_parametric},
      {.op = "Swish", .attributes = alpha, .infer = infer_parametric},
      {.op = "HardSwish", .infer = infer_same<kFloats>},
      {.op = "Sigmoid", .infer = infer_same<kFloats>},
      {.op = "Mish", .infer = infer_same<kFloats>},
      {.op = "Softplus", .infer = infer_same<kFloats>},
      {.op = "Softsign", .infer = infer_same<kFloats>},
      {.op = "Shrink",
       .attributes = {{"bias", AttrKind::kFloat}, {"lambd", AttrKind::kFloat}},
       .infer = infer_shrink},
      {.op = "Gelu", .attributes = {{"approximate", AttrKind::kString}}, .infer = infer_gelu},
      {.op = "PRelu", .min_inputs = 2, .max_inputs = 2, .infer = infer_prelu},
      {.op = "Clip", .min_inputs = 1, .max_inputs = 3, .infer = infer_clip},
      {.op = "Softmax", .attributes = axis, .infer = infer_along_axis},
      {.op = "LogSoftmax", .attributes = axis, .infer = infer_along_axis},
      {.op = "Hardmax", .attributes = axis, .infer = infer_along_axis},
  };
  return decls;
}

}  // namespace precis::ops
