// Element-wise functions of one input without parameters, and tests for NaN and infinity.
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/fold.h"

namespace precis::ops {
namespace {

void infer_is_inf(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  flag_attr(ctx, "detect_negative", true);
  flag_attr(ctx, "detect_positive", true);
  set_output(ctx, 0, DType::kBool, ctx.shape(0));
}

void infer_is_nan(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  set_output(ctx, 0, DType::kBool, ctx.shape(0));
}

}  // namespace

const std::vector<OpDecl>& unary_ops() {
  static const std::vector<OpDecl> decls = [] {
    std::vector<OpDecl> all = {
        {.op = "Abs", .infer = infer_same<kNumbers>, .fold = fold_unary<Function::kAbs>},
        {.op = "Neg", .infer = infer_same<kFloats | kSignedInts>, .fold = fold_unary<Function::kNeg>},
        {.op = "Sign", .infer = infer_same<kNumbers>},
        {.op = "Floor", .infer = infer_same<kFloats>, .fold = fold_unary<Function::kFloor>},
        {.op = "Ceil", .infer = infer_same<kFloats>, .fold = fold_unary<Function::kCeil>},
        {.op = "Round", .infer = infer_same<kFloats>, .fold = fold_unary<Function::kRound>},
        {.op = "Sqrt", .infer = infer_same<kFloats>, .fold = fold_unary<Function::kSqrt>},
        {.op = "Erf", .infer = infer_same<kNumbers>},
        {.op = "Not", .infer = infer_same<kBools>, .fold = fold_unary<Function::kNot>},
        {.op = "BitwiseNot", .infer = infer_same<kInts>},
        {.op = "IsNaN", .infer = infer_is_nan},
        {.op = "IsInf",
         .attributes = {{"detect_negative", AttrKind::kInt}, {"detect_positive", AttrKind::kInt}},
         .infer = infer_is_inf},
    };
    for (const char* name : {"Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cos", "Cosh", "Exp", "Log",
                             "Reciprocal", "Sin", "Sinh", "Tan", "Tanh"})
      all.push_back({.op = name, .infer = infer_same<kFloats>});
    return all;
  }();
  return decls;
}

}  // namespace precis::ops
