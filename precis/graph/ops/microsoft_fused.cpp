// Operators of domain com.microsoft that join a convolution, a product or a sum with what follows it, the
// family of Gelu, and MaxPool with channels last. The reader writes them out in ONNX's own operators
// (precis/onnx/microsoft_expand.h).
#include <algorithm>

#include "precis/graph/ops/families.h"
#include "precis/graph/ops/microsoft_decl.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

// Empty is no activation.
void require_activation(const InferContext& ctx) {
  choice_attr(ctx, "activation", "",
              {"", "Relu", "Tanh", "Sigmoid", "LeakyRelu", "Clip", "HardSigmoid", "Elu", "Softplus",
               "Softsign", "ThresholdedRelu"});
}

// Convolution, activated, with a summand of the result's shape in between.
void infer_fused_conv(InferContext& ctx) {
  require_activation(ctx);
  const std::string activation = ctx.node().get_string("activation", "");
  const size_t least = activation == "Clip" || activation == "HardSigmoid" ? 2
                       : activation == "LeakyRelu"                         ? 1
                                                                           : 0;
  const size_t found = ctx.node().get_floats("activation_params").size();
  ctx.require(found >= least, "attribute 'activation_params' has {} values, {} takes {}", found, activation,
              least);
  find_op("", "Conv")->infer(ctx);
  if (!ctx.has_input(3)) return;
  require_same_type(ctx, 0, 3);
  require_broadcasts_to(ctx, ctx.shape(3), ctx.outputs[0].shape, "Z (input 3)");
}

void infer_fused_gemm(InferContext& ctx) {
  require_activation(ctx);
  for (const char* factor : {"activation_alpha", "activation_beta", "activation_gamma"})
    finite_attr(ctx, factor, 0);
  find_op("", "Gemm")->infer(ctx);
}

// The matrices' shapes as they are multiplied: batch dimensions first, then rows and columns.
SymbolicShape matrices(const InferContext& ctx, size_t input, bool transposed, bool batch_inside) {
  SymbolicShape s = ctx.shape(input);
  if (!s || s->size() < 2) return s;
  if (batch_inside) std::rotate(s->begin(), s->begin() + 1, s->end() - 1);
  if (transposed) std::swap(s->back(), (*s)[s->size() - 2]);
  return s;
}

void infer_fused_matmul(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  require_same_type(ctx, 0, 1);
  finite_attr(ctx, "alpha", 1);
  for (const size_t i : {0, 1}) ctx.require_rank(i, 1, kMaxRank);
  const SymbolicShape a = matrices(ctx, 0, flag_attr(ctx, "transA", false),
                                   flag_attr(ctx, "transBatchA", false)),
                      b = matrices(ctx, 1, flag_attr(ctx, "transB", false),
                                   flag_attr(ctx, "transBatchB", false));
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  if (!a || !b) return;
  if (a->size() < 2 || b->size() < 2) {
    ctx.outputs[0].shape = unknown_dims(static_cast<int>(std::max(a->size(), b->size())) - 1);
    return;
  }
  equal_dims(ctx, a->back(), (*b)[b->size() - 2], "the inner dimension of the product");
  SymbolicShape y =
      broadcast(ctx, std::vector<Dim>(a->begin(), a->end() - 2), std::vector<Dim>(b->begin(), b->end() - 2));
  y->push_back((*a)[a->size() - 2]);
  y->push_back(b->back());
  ctx.outputs[0].shape = std::move(y);
}

void infer_bias_gelu(InferContext& ctx) {
  infer_same<kFloats>(ctx);
  if (!ctx.has_input(1)) return;
  require_same_type(ctx, 0, 1);
  const SymbolicShape& x = ctx.shape(0);
  if (x && !x->empty()) require_vector(ctx, 1, x->back(), "the bias");
}

void infer_quick_gelu(InferContext& ctx) {
  finite_attr(ctx, "alpha", 1.702f);
  infer_same<kFloats>(ctx);
}

void infer_nhwc_max_pool(InferContext& ctx) {
  require_type(ctx, 0, kBytes);
  ctx.require_rank(0, 3, kMaxRank);
  const auto rank = ctx.rank(0);
  set_output(ctx, 0, ctx.dtype(0), rank ? unknown_dims(*rank) : std::nullopt);
}

}  // namespace

const std::vector<OpDecl>& microsoft_fused_ops() {
  static const std::vector<OpDecl> decls = {
      microsoft_decl("FusedConv", 2, 4, 1, infer_fused_conv,
                     {{"activation", AttrKind::kString},
                      {"activation_params", AttrKind::kFloats},
                      {"auto_pad", AttrKind::kString},
                      {"dilations", AttrKind::kInts},
                      {"group", AttrKind::kInt},
                      {"kernel_shape", AttrKind::kInts},
                      {"pads", AttrKind::kInts},
                      {"strides", AttrKind::kInts}}),
      microsoft_decl("FusedGemm", 2, 3, 1, infer_fused_gemm,
                     {{"activation", AttrKind::kString},
                      {"activation_alpha", AttrKind::kFloat},
                      {"activation_beta", AttrKind::kFloat},
                      {"activation_gamma", AttrKind::kFloat},
                      {"alpha", AttrKind::kFloat},
                      {"beta", AttrKind::kFloat},
                      {"transA", AttrKind::kInt},
                      {"transB", AttrKind::kInt}}),
      microsoft_decl("FusedMatMul", 2, 2, 1, infer_fused_matmul,
                     {{"alpha", AttrKind::kFloat},
                      {"transA", AttrKind::kInt},
                      {"transB", AttrKind::kInt},
                      {"transBatchA", AttrKind::kInt},
                      {"transBatchB", AttrKind::kInt}}),
      microsoft_decl("Gelu", 1, 1, 1, infer_same<kFloats>),
      microsoft_decl("FastGelu", 1, 2, 1, infer_bias_gelu),
      microsoft_decl("BiasGelu", 2, 2, 1, infer_bias_gelu),
      microsoft_decl("QuickGelu", 1, 1, 1, infer_quick_gelu, {{"alpha", AttrKind::kFloat}}),
      microsoft_decl("NhwcMaxPool", 1, 1, 1, infer_nhwc_max_pool,
                     {{"auto_pad", AttrKind::kString},
                      {"ceil_mode", AttrKind::kInt},
                      {"dilations", AttrKind::kInts},
                      {"kernel_shape", AttrKind::kInts, true},
                      {"pads", AttrKind::kInts},
                      {"strides", AttrKind::kInts}}),
  };
  return decls;
}

}  // namespace precis::ops
