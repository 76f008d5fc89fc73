// Comparisons, logic and selection by a condition, with NumPy broadcasting.
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/fold.h"

namespace precis::ops {
namespace {

template <TypeSet kTypes>
void infer_relation(InferContext& ctx) {
  require_type(ctx, 0, kTypes);
  require_type(ctx, 1, kTypes);
  require_same_type(ctx, 0, 1);
  set_output(ctx, 0, DType::kBool, broadcast_inputs(ctx, 0, 2));
}

void infer_where(InferContext& ctx) {
  require_type(ctx, 0, kBools);
  require_same_type(ctx, 1, 2);
  set_output(ctx, 0, ctx.dtype(1) == DType::kUndefined ? ctx.dtype(2) : ctx.dtype(1),
             broadcast_inputs(ctx, 0, 3));
}

template <TypeSet kTypes, Arithmetic kOp>
OpDecl relation(const char* name) {
  return {.op = name,
          .min_inputs = 2,
          .max_inputs = 2,
          .infer = infer_relation<kTypes>,
          .fold = fold_binary<kOp>};
}

}  // namespace

const std::vector<OpDecl>& compare_logic_ops() {
  static const std::vector<OpDecl> decls = {
      relation<kAny, Arithmetic::kEqual>("Equal"),
      relation<kNumbers, Arithmetic::kGreater>("Greater"),
      relation<kNumbers, Arithmetic::kGreaterOrEqual>("GreaterOrEqual"),
      relation<kNumbers, Arithmetic::kLess>("Less"),
      relation<kNumbers, Arithmetic::kLessOrEqual>("LessOrEqual"),
      relation<kBools, Arithmetic::kAnd>("And"),
      relation<kBools, Arithmetic::kOr>("Or"),
      {.op = "Xor", .min_inputs = 2, .max_inputs = 2, .infer = infer_relation<kBools>},
      {.op = "Where", .min_inputs = 3, .max_inputs = 3, .infer = infer_where, .fold = fold_where},
  };
  return decls;
}

}  // namespace precis::ops
