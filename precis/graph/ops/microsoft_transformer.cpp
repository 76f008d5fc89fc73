// Operators of domain com.microsoft for transformers: normalizations with a skip connection, embeddings, and
// attention over packed projections. The reader writes them out in ONNX's own operators
// (precis/onnx/microsoft_expand.h).
#include <cmath>

#include "precis/graph/ops/families.h"
#include "precis/graph/ops/microsoft_decl.h"
#include "precis/graph/ops/quantize_params.h"

namespace precis::ops {
namespace {

void require_epsilon(const InferContext& ctx) {
  const float epsilon = ctx.node().get_float("epsilon", 1e-12f);
  ctx.require(std::isfinite(epsilon) && epsilon >= 0,
              "attribute 'epsilon' is {}, expected a finite number of at least 0", epsilon);
}

void require_row(const InferContext& ctx, size_t input, const Dim& length, const char* what) {
  if (!ctx.has_input(input)) return;
  require_type(ctx, input, kFloats);
  require_vector(ctx, input, length, what);
}

// Statistics of rows: the shape with a last dimension of 1.
SymbolicShape per_row(const SymbolicShape& x) {
  SymbolicShape s = x;
  if (s && !s->empty()) s->back() = 1;
  return s;
}

// input, skip, gamma, [beta,] bias -> result, mean, deviation, sum
template <bool kCentred>
void infer_skip_norm(InferContext& ctx) {
  constexpr size_t kBias = kCentred ? 4 : 3;
  require_type(ctx, 0, kFloats);
  require_same_type(ctx, 0, 1);
  require_epsilon(ctx);
  const SymbolicShape& x = ctx.shape(0);
  ctx.require_rank(0, 2, 3);
  require_broadcasts_to(ctx, ctx.shape(1), x, "skip (input 1)");
  const Dim width = x ? x->back() : Dim();
  require_row(ctx, 2, width, "gamma");
  if (kCentred) require_row(ctx, 3, width, "beta");
  require_row(ctx, kBias, width, "the bias");
  same_as_input(ctx);
  for (const size_t i : {1, 2}) set_output(ctx, i, DType::kF32, per_row(x));
  set_output(ctx, 3, ctx.dtype(0), x);
}

void infer_simplified_norm(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  require_epsilon(ctx);
  int_attr(ctx, "stash_type", 1, 1, 1);
  same_as_input(ctx);
  if (const auto rank = ctx.rank(0)) axis_attr(ctx, -1, *rank);
  require_broadcasts_to(ctx, ctx.shape(1), ctx.shape(0), "scale (input 1)");
  set_output(ctx, 1, DType::kF32, ctx.rank(0) ? unknown_dims(*ctx.rank(0)) : std::nullopt);
}

void infer_embedding(InferContext& ctx) {
  for (const size_t i : {0, 1, 7, 8})
    if (ctx.has_input(i)) {
      require_type(ctx, i, kIndices);
      ctx.require_rank(i, 2, 2);
    }
  ctx.require(ctx.has_input(1) == ctx.has_input(4),
              "segment_ids (input 1) and segment_embedding (input 4) go together, one is missing");
  require_epsilon(ctx);
  const Dim width = dim_at(ctx.shape(2), 1);
  for (const size_t i : {2, 3, 4}) {
    if (!ctx.has_input(i)) continue;
    require_type(ctx, i, kFloats);
    ctx.require_rank(i, 2, 2);
    equal_dims(ctx, width, dim_at(ctx.shape(i), 1), "the width of the embeddings");
  }
  require_row(ctx, 5, width, "gamma");
  require_row(ctx, 6, width, "beta");
  const std::vector<Dim> y = {dim_at(ctx.shape(0), 0), dim_at(ctx.shape(0), 1), width};
  set_output(ctx, 0, ctx.dtype(2), y);
  set_output(ctx, 1, DType::kI32, std::vector<Dim>{y[0]});
  set_output(ctx, 2, ctx.dtype(2), y);
}

int64_t heads_attr(const InferContext& ctx) { return int_attr(ctx, "num_heads", 0, 1, 1 << 20); }

void require_plain_attention(const InferContext& ctx) {
  flag_attr(ctx, "unidirectional", false);
  finite_attr(ctx, "scale", 1);
  finite_attr(ctx, "mask_filter_value", -10000);
  for (const char* flag : {"do_rotary", "past_present_share_buffer"})
    if (flag_attr(ctx, flag, false))
      throw Error(ErrorCode::kUnsupported, ctx.where() + ": attribute '" + flag + "' is not supported");
}

// [batch, length, inputs] by [inputs, queries + keys + values] -> [batch, length, values]
void infer_packed_attention(InferContext& ctx, size_t bias, size_t past) {
  const int64_t heads = heads_attr(ctx);
  require_plain_attention(ctx);
  ctx.require_rank(0, 3, 3);
  ctx.require_rank(1, 2, 2);
  const SymbolicShape &x = ctx.shape(0), &w = ctx.shape(1);
  equal_dims(ctx, dim_at(x, 2), dim_at(w, 0), "the features of input and weights");
  const Dim packed = dim_at(w, 1);
  require_row(ctx, bias, packed, "the bias");
  const std::vector<int64_t> sizes = ctx.node().get_ints("qkv_hidden_sizes");
  Dim values;
  if (!sizes.empty()) {
    ctx.require(sizes.size() == 3 && sizes[0] > 0 && sizes[0] == sizes[1] && sizes[2] > 0,
                "attribute 'qkv_hidden_sizes' has {} values, expected equal ones of queries and keys, then "
                "that of values",
                sizes.size());
    for (const int64_t s : sizes)
      ctx.require(s % heads == 0, "{} features do not divide into {} heads", s, heads);
    equal_dims(ctx, packed, Dim(sizes[0] + sizes[1] + sizes[2]), "the columns of the weights");
    values = sizes[2];
  } else if (packed.known()) {
    ctx.require(packed.value % (3 * heads) == 0,
                "{} columns of weights do not divide into queries, keys and values of {} heads", packed.value,
                heads);
    values = packed.value / 3;
  }
  if (ctx.has_input(past)) ctx.require_rank(past, 5, 5);
  set_output(ctx, 0, ctx.dtype(bias), std::vector<Dim>{dim_at(x, 0), dim_at(x, 1), values});
  set_output(ctx, 1, ctx.dtype(bias), unknown_dims(5));
}

void infer_attention(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  require_same_type(ctx, 0, 1);
  infer_packed_attention(ctx, 2, 4);
  for (const size_t i : {0, 1})
    if (ctx.has_output(i)) ctx.outputs[i].dtype = ctx.dtype(0);
}

void infer_quantized_attention(InferContext& ctx) {
  require_type(ctx, 0, kBytes);
  require_type(ctx, 1, kBytes);
  require_type(ctx, 2, kFloats);
  require_scale(ctx, 3, Dim(1), "input_scale");
  require_scale(ctx, 4, dim_at(ctx.shape(1), 1), "weight_scale");
  require_zero_point(ctx, 6, 0, 3, "input_zero_point");
  require_zero_point(ctx, 7, 1, 4, "weight_zero_point");
  infer_packed_attention(ctx, 2, 8);
}

void infer_multi_head(InferContext& ctx) {
  const int64_t heads = heads_attr(ctx);
  require_plain_attention(ctx);
  require_type(ctx, 0, kFloats);
  ctx.require_rank(0, 3, 5);
  ctx.require(ctx.has_input(6) == ctx.has_input(7),
              "past_key and past_value (inputs 6 and 7) go together, one is missing");
  const SymbolicShape &q = ctx.shape(0), &v = ctx.shape(2);
  if (q && q->size() == 3 && q->back().known())
    ctx.require(q->back().value % heads == 0, "{} features do not divide into {} heads", q->back().value,
                heads);
  Dim values = v && v->size() == 3 ? v->back() : Dim();
  if (v && v->size() == 4 && v->back().known()) values = checked_times(ctx, v->back().value, heads);
  set_output(ctx, 0, ctx.dtype(0), std::vector<Dim>{dim_at(q, 0), dim_at(q, 1), values});
  for (const size_t i : {1, 2, 3}) set_output(ctx, i, ctx.dtype(0), unknown_dims(4));
}

std::vector<AttrDecl> attention_attributes(std::vector<AttrDecl> more) {
  more.insert(more.end(), {{"mask_filter_value", AttrKind::kFloat},
                           {"num_heads", AttrKind::kInt, true},
                           {"scale", AttrKind::kFloat},
                           {"unidirectional", AttrKind::kInt}});
  return more;
}

}  // namespace

const std::vector<OpDecl>& microsoft_transformer_ops() {
  static const std::vector<AttrDecl> kEpsilon = {{"epsilon", AttrKind::kFloat}};
  static const std::vector<OpDecl> decls = {
      microsoft_decl("SkipLayerNormalization", 3, 5, 4, infer_skip_norm<true>, kEpsilon),
      microsoft_decl("SkipSimplifiedLayerNormalization", 3, 4, 4, infer_skip_norm<false>, kEpsilon),
      microsoft_decl(
          "SimplifiedLayerNormalization", 2, 2, 2, infer_simplified_norm,
          {{"axis", AttrKind::kInt}, {"epsilon", AttrKind::kFloat}, {"stash_type", AttrKind::kInt}}),
      microsoft_decl("EmbedLayerNormalization", 1, 9, 3, infer_embedding,
                     {{"epsilon", AttrKind::kFloat}, {"mask_index_type", AttrKind::kInt}}),
      microsoft_decl("Attention", 2, 7, 2, infer_attention,
                     attention_attributes({{"do_rotary", AttrKind::kInt},
                                           {"past_present_share_buffer", AttrKind::kInt},
                                           {"qkv_hidden_sizes", AttrKind::kInts},
                                           {"rotary_embedding_dim", AttrKind::kInt}})),
      microsoft_decl("QAttention", 5, 9, 2, infer_quantized_attention,
                     attention_attributes(
                         {{"do_rotary", AttrKind::kInt}, {"past_present_share_buffer", AttrKind::kInt}})),
      microsoft_decl("MultiHeadAttention", 1, 10, 4, infer_multi_head, attention_attributes({})),
  };
  return decls;
}

}  // namespace precis::ops
