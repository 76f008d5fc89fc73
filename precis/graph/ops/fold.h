// Shape arithmetic on partly known values: the `fold` functions of the operator declarations. They run after
// inference, so types and ranges are checked already; each sets ctx.output_partials where something is known.
// Private to graph/ops.
#pragma once

#include <functional>

#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {

// The elements of input 0 in the output's shape: Identity, Reshape, Squeeze, Unsqueeze, Flatten.
void fold_copy(InferContext& ctx);
void fold_cast(InferContext& ctx);
void fold_gather(InferContext& ctx);  // axis 0 of vectors
void fold_concat(InferContext& ctx);  // vectors
void fold_expand(InferContext& ctx);
void fold_range(InferContext& ctx);
void fold_where(InferContext& ctx);

// One function for each operator on numbers; integers that overflow or divide by zero count as unknown.
enum class Arithmetic {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kMin,
  kMax,
  kEqual,
  kGreater,
  kGreaterOrEqual,
  kLess,
  kLessOrEqual,
  kAnd,
  kOr
};
void fold_arithmetic(InferContext& ctx, Arithmetic op);
template <Arithmetic kOp>
void fold_binary(InferContext& ctx) {
  fold_arithmetic(ctx, kOp);
}

enum class Function { kNeg, kAbs, kFloor, kCeil, kRound, kSqrt, kNot };
void fold_function(InferContext& ctx, Function function);
template <Function kFunction>
void fold_unary(InferContext& ctx) {
  fold_function(ctx, kFunction);
}

// Sets output `output` to elements of `source`: element i of the result is source.elements[index(i)].
void fold_take(InferContext& ctx, size_t output, const PartialValue& source, Shape shape,
               const std::function<int64_t(int64_t)>& index);

}  // namespace precis::ops
