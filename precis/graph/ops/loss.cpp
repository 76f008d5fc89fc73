// Losses, as exported for evaluation: NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss.
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

// Scores [N, C, d1 ...], labels [N, d1 ...], weights [C].
void infer_loss(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  require_type(ctx, 1, kIndices);
  require_same_type(ctx, 0, 2);
  const bool reduced = choice_attr(ctx, "reduction", "mean", {"none", "mean", "sum"}) != 0;
  ctx.require_rank(0, 2, kMaxRank);
  const SymbolicShape& x = ctx.shape(0);
  SymbolicShape losses = ctx.shape(1);
  if (x) {
    std::vector<Dim> expected(x->begin(), x->end());
    expected.erase(expected.begin() + 1);
    if (losses) {
      ctx.require(losses->size() == expected.size(), "the labels (input 1) have shape {}, expected {}",
                  shape_str(losses), shape_str(expected));
      for (size_t i = 0; i < expected.size(); ++i)
        expected[i] = equal_dims(ctx, expected[i], (*losses)[i], "a dimension of scores and labels");
    }
    losses = expected;
    if (ctx.has_input(2)) require_vector(ctx, 2, (*x)[1], "the weights");
  }
  set_output(ctx, 0, ctx.dtype(0), reduced ? SymbolicShape(std::vector<Dim>{}) : losses);
  set_output(ctx, 1, ctx.dtype(0), x);
}

}  // namespace

const std::vector<OpDecl>& loss_ops() {
  static const std::vector<AttrDecl> attributes = {{"ignore_index", AttrKind::kInt},
                                                   {"reduction", AttrKind::kString}};
  static const std::vector<OpDecl> decls = {
      {.op = "NegativeLogLikelihoodLoss",
       .min_inputs = 2,
       .max_inputs = 3,
       .attributes = attributes,
       .infer = infer_loss},
      {.op = "SoftmaxCrossEntropyLoss",
       .min_inputs = 2,
       .max_inputs = 3,
       .max_outputs = 2,
       .attributes = attributes,
       .infer = infer_loss},
  };
  return decls;
}

}  // namespace precis::ops
