// Conversions between plain element types: Cast, CastLike, and BitCast, which keeps the bits.
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/fold.h"

namespace precis::ops {
namespace {

void check_cast_attributes(const InferContext& ctx) {
  flag_attr(ctx, "saturate", true);
  choice_attr(ctx, "round_mode", "up", {"up", "down", "nearest"});
}

void infer_cast(InferContext& ctx) {
  check_cast_attributes(ctx);
  const DType to = dtype_attr(ctx, "to", DType::kUndefined);
  set_output(ctx, 0, to, ctx.shape(0));
}

void infer_cast_like(InferContext& ctx) {
  check_cast_attributes(ctx);
  set_output(ctx, 0, ctx.dtype(1), ctx.shape(0));
}

void infer_bit_cast(InferContext& ctx) {
  const DType from = ctx.dtype(0), to = dtype_attr(ctx, "to", DType::kUndefined);
  ctx.require(from == DType::kUndefined || dtype_bits(from) == dtype_bits(to),
              "attribute 'to' asks for {} of {} bits, but the input has element type {} of {} bits",
              dtype_name(to), dtype_bits(to), dtype_name(from), dtype_bits(from));
  set_output(ctx, 0, to, ctx.shape(0));
}

}  // namespace

const std::vector<OpDecl>& cast_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "BitCast", .attributes = {{"to", AttrKind::kInt, true}}, .infer = infer_bit_cast},
      {.op = "Cast",
       .attributes = {{"round_mode", AttrKind::kString},
                      {"saturate", AttrKind::kInt},
                      {"to", AttrKind::kInt, true}},
       .infer = infer_cast,
       .fold = fold_cast},
      {.op = "CastLike",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"round_mode", AttrKind::kString}, {"saturate", AttrKind::kInt}},
       .infer = infer_cast_like,
       .fold = fold_cast},
  };
  return decls;
}

}  // namespace precis::ops
