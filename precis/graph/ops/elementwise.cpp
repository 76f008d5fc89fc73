// Element-wise arithmetic of two or more inputs, with NumPy broadcasting.
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/fold.h"

namespace precis::ops {
namespace {

template <TypeSet kTypes>
void infer_broadcast(InferContext& ctx) {
  for (size_t i = 0; i < ctx.num_inputs(); ++i) {
    require_type(ctx, i, kTypes);
    require_same_type(ctx, 0, i);
  }
  DType dtype = ctx.dtype(0);
  for (size_t i = 1; dtype == DType::kUndefined && i < ctx.num_inputs(); ++i) dtype = ctx.dtype(i);
  set_output(ctx, 0, dtype, broadcast_inputs(ctx, 0, ctx.num_inputs()));
}

// The exponent may be of another type.
void infer_pow(InferContext& ctx) {
  require_type(ctx, 0, kFloats | kIndices);
  require_type(ctx, 1, kNumbers);
  set_output(ctx, 0, ctx.dtype(0), broadcast_inputs(ctx, 0, 2));
}

void infer_mod(InferContext& ctx) {
  const bool fmod = flag_attr(ctx, "fmod", false);
  ctx.require(fmod || !is_float(ctx.dtype(0)), "attribute 'fmod' is 0, expected 1 for element type {}",
              dtype_name(ctx.dtype(0)));
  infer_broadcast<kNumbers>(ctx);
}

void infer_bit_shift(InferContext& ctx) {
  choice_attr(ctx, "direction", "", {"LEFT", "RIGHT"});
  infer_broadcast<kUnsignedInts>(ctx);
}

void fold_mod(InferContext& ctx) {
  if (ctx.node().get_int("fmod", 0) == 0) fold_arithmetic(ctx, Arithmetic::kMod);
}

}  // namespace

const std::vector<OpDecl>& elementwise_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "Add",
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_broadcast<kNumbers>,
       .fold = fold_binary<Arithmetic::kAdd>},
      {.op = "Sub",
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_broadcast<kNumbers>,
       .fold = fold_binary<Arithmetic::kSub>},
      {.op = "Mul",
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_broadcast<kNumbers>,
       .fold = fold_binary<Arithmetic::kMul>},
      {.op = "Div",
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_broadcast<kNumbers>,
       .fold = fold_binary<Arithmetic::kDiv>},
      {.op = "Pow", .min_inputs = 2, .max_inputs = 2, .infer = infer_pow},
      {.op = "Mod",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"fmod", AttrKind::kInt}},
       .infer = infer_mod,
       .fold = fold_mod},
      {.op = "Min",
       .max_inputs = -1,
       .infer = infer_broadcast<kNumbers>,
       .fold = fold_binary<Arithmetic::kMin>},
      {.op = "Max",
       .max_inputs = -1,
       .infer = infer_broadcast<kNumbers>,
       .fold = fold_binary<Arithmetic::kMax>},
      {.op = "Mean", .max_inputs = -1, .infer = infer_broadcast<kFloats>},
      {.op = "Sum", .max_inputs = -1, .infer = infer_broadcast<kFloats>},
      {.op = "BitShift",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"direction", AttrKind::kString, true}},
       .infer = infer_bit_shift},
      {.op = "BitwiseAnd", .min_inputs = 2, .max_inputs = 2, .infer = infer_broadcast<kInts>},
      {.op = "BitwiseOr", .min_inputs = 2, .max_inputs = 2, .infer = infer_broadcast<kInts>},
      {.op = "BitwiseXor", .min_inputs = 2, .max_inputs = 2, .infer = infer_broadcast<kInts>},
  };
  return decls;
}

}  // namespace precis::ops
