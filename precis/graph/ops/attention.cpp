// Attention and what belongs to it: Attention (ONNX opset 24), RotaryEmbedding (23), LinearAttention and
// CausalConvWithState (27), FlexAttention (ai.onnx.preview 1).
#include "precis/core/checked.h"
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

// Q, K or V as [batch, heads, length, head size], whether it came so or packed as [batch, length, heads *
// size].
struct Heads {
  Dim batch, heads, length, size;
};

Dim divided(const InferContext& ctx, const Dim& packed, int64_t heads, size_t input) {
  if (!packed.known()) return {};
  ctx.require(packed.value % heads == 0, "input {} has {} features, which do not divide into {} heads", input,
              packed.value, heads);
  return packed.value / heads;
}

Heads heads_of(const InferContext& ctx, size_t input, const char* attribute) {
  const SymbolicShape& s = ctx.shape(input);
  if (!s) return {};
  if (s->size() == 4) return {(*s)[0], (*s)[1], (*s)[2], (*s)[3]};
  const int64_t heads = int_attr(ctx, attribute, 0, 1, INT64_MAX);
  return {(*s)[0], heads, (*s)[1], divided(ctx, (*s)[2], heads, input)};
}

Dim sum(const InferContext& ctx, const Dim& a, const Dim& b) {
  return a.known() && b.known() ? Dim(checked_plus(ctx, a.value, b.value)) : Dim();
}

void require_groups(const InferContext& ctx, const Dim& q, const Dim& kv) {
  if (q.known() && kv.known())
    ctx.require(kv.value > 0 && q.value % kv.value == 0,
                "{} heads of queries do not divide into {} heads of keys and values", q.value, kv.value);
}

void require_mask(const InferContext& ctx, const std::vector<Dim>& scores) {
  if (!ctx.has_input(3)) return;
  require_type(ctx, 3, kNumbers | kBools);
  ctx.require_rank(3, 1, 4);
  SymbolicShape mask = ctx.shape(3);
  if (!mask) return;
  const Dim columns = mask->back(), total = scores.back();
  ctx.require(!columns.known() || !total.known() || columns.value <= total.value,
              "attn_mask (input 3) has {} columns, expected at most the {} keys", columns.value, total.value);
  mask->back() = Dim();  // a shorter mask leaves the last keys out
  require_broadcasts_to(ctx, mask, scores, "attn_mask (input 3)");
}

void require_attention_attributes(const InferContext& ctx) {
  flag_attr(ctx, "is_causal", false);
  int_attr(ctx, "qk_matmul_output_mode", 0, 0, 3);
  finite_attr(ctx, "scale", 1);
  ctx.require(finite_attr(ctx, "softcap", 0) >= 0, "attribute 'softcap' is {}, expected at least 0",
              ctx.node().get_float("softcap", 0));
  const DType precision = dtype_attr(ctx, "softmax_precision", DType::kF32);
  ctx.require((kFloats >> static_cast<int>(precision)) & 1u,
              "attribute 'softmax_precision' asks for {}, expected a float type", dtype_name(precision));
}

void require_cache(const InferContext& ctx) {
  ctx.require(ctx.has_input(4) == ctx.has_input(5),
              "past_key and past_value (inputs 4 and 5) go together, one is missing");
  ctx.require(!ctx.has_input(6) || !ctx.has_input(4),
              "nonpad_kv_seqlen (input 6) does not go with past_key (input 4)");
  if (ctx.has_input(6)) require_type(ctx, 6, types({DType::kI64}));
}

void infer_attention(InferContext& ctx) {
  for (const size_t i : {0, 2}) require_type(ctx, i, kFloats);
  require_same_type(ctx, 0, 1);
  if (ctx.has_input(4)) require_same_type(ctx, 0, 4);
  if (ctx.has_input(5)) require_same_type(ctx, 2, 5);
  require_attention_attributes(ctx);
  require_cache(ctx);
  for (const size_t i : {0, 1, 2}) ctx.require_rank(i, 3, 4);
  const auto rank = ctx.rank(0);
  for (const size_t i : {1, 2})
    ctx.require(!rank || !ctx.rank(i) || *rank == *ctx.rank(i),
                "Q has rank {} and input {} has rank {}, expected the same", *rank, i,
                ctx.rank(i).value_or(0));
  const Heads q = heads_of(ctx, 0, "q_num_heads"), k = heads_of(ctx, 1, "kv_num_heads"),
              v = heads_of(ctx, 2, "kv_num_heads");
  const Dim batch = equal_dims(ctx, q.batch, k.batch, "the batch");
  equal_dims(ctx, k.batch, v.batch, "the batch");
  equal_dims(ctx, q.size, k.size, "the head size of Q and K");
  equal_dims(ctx, k.length, v.length, "the length of K and V");
  const Dim kv_heads = equal_dims(ctx, k.heads, v.heads, "the number of heads of K and V");
  require_groups(ctx, q.heads, kv_heads);
  require_dims(ctx, 4, {batch, kv_heads, Dim(), k.size}, "past_key");
  require_dims(ctx, 5, {batch, kv_heads, dim_at(ctx.shape(4), 2), v.size}, "past_value");
  if (ctx.has_input(6)) require_vector(ctx, 6, batch, "nonpad_kv_seqlen");
  const Dim total = ctx.has_input(4) ? sum(ctx, dim_at(ctx.shape(4), 2), k.length) : k.length;
  const std::vector<Dim> scores = {batch, q.heads, q.length, total};
  require_mask(ctx, scores);
  SymbolicShape y;
  if (rank && *rank == 4) y = std::vector<Dim>{batch, q.heads, q.length, v.size};
  if (rank && *rank == 3)
    y = std::vector<Dim>{batch, q.length,
                         v.size.known() ? Dim(checked_times(ctx, q.heads.value, v.size.value)) : Dim()};
  set_output(ctx, 0, ctx.dtype(0), std::move(y));
  set_output(ctx, 1, ctx.dtype(0), std::vector<Dim>{batch, kv_heads, total, k.size});
  set_output(ctx, 2, ctx.dtype(2), std::vector<Dim>{batch, kv_heads, total, v.size});
  set_output(ctx, 3, ctx.dtype(0), scores);
}

void infer_flex_attention(InferContext& ctx) {
  for (const size_t i : {0, 1, 2}) {
    require_same_type(ctx, 0, i);
    ctx.require_rank(i, 4, 4);
  }
  infer_attention(ctx);
}

// Q K^T and the weighted sum of V. The width of y and of K per head follows from the heads.
int64_t attention_macs(const Node& node, std::span<const Shape> in, std::span<const Shape> out) {
  const bool packed = in[0].rank() == 3;
  const int64_t kv_heads = packed ? node.get_int("kv_num_heads", 1) : in[1][1];
  const int64_t q_heads = packed ? node.get_int("q_num_heads", 1) : in[0][1];
  if (kv_heads <= 0 || q_heads <= 0) return 0;
  int64_t keys = in[1][packed ? 1 : 2];
  if (in.size() > 4 && in[4].rank() == 4) keys = checked_add(keys, in[4][2]);
  return checked_mul(checked_add(in[0].numel(), out.empty() ? 0 : out[0].numel()), keys);
}

void infer_rotary(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  for (const size_t i : {1, 2}) require_same_type(ctx, 0, i);
  flag_attr(ctx, "interleaved", false);
  const int64_t rotated = int_attr(ctx, "rotary_embedding_dim", 0, 0, INT64_MAX);
  ctx.require_rank(0, 3, 4);
  same_as_input(ctx);
  const Heads x = heads_of(ctx, 0, "num_heads");
  Dim width = rotated > 0 ? Dim(rotated) : x.size;
  if (width.known())
    ctx.require(
        width.value % 2 == 0 && (!x.size.known() || width.value <= x.size.value),
        "{} elements of each head are to be rotated, expected an even number of at most the head size {}",
        width.value, x.size.str());
  const Dim half = width.known() ? Dim(width.value / 2) : Dim();
  const bool positions = ctx.has_input(3);
  if (positions) require_type(ctx, 3, types({DType::kI64}));
  require_dims(ctx, 3, {x.batch, x.length}, "position_ids");
  for (const size_t i : {1, 2})
    require_dims(ctx, i,
                 positions ? std::vector<Dim>{Dim(), half} : std::vector<Dim>{x.batch, x.length, half},
                 i == 1 ? "cos_cache" : "sin_cache");
}

void infer_linear_attention(InferContext& ctx) {
  for (const size_t i : {0, 1, 2}) {
    require_type(ctx, i, kFloats);
    require_same_type(ctx, 0, i);
    ctx.require_rank(i, 3, 3);
  }
  const size_t rule =
      choice_attr(ctx, "update_rule", "gated_delta", {"linear", "gated", "delta", "gated_delta"});
  const bool decays = rule == 1 || rule == 3, corrects = rule >= 2;
  ctx.require(ctx.has_input(4) == decays,
              "decay (input 4) goes with the update rules gated and gated_delta, and only with them");
  ctx.require(ctx.has_input(5) == corrects,
              "beta (input 5) goes with the update rules delta and gated_delta, and only with them");
  int_attr(ctx, "chunk_size", 64, 1, INT64_MAX);
  finite_attr(ctx, "scale", 0);
  const Heads q = heads_of(ctx, 0, "q_num_heads"), k = heads_of(ctx, 1, "kv_num_heads"),
              v = heads_of(ctx, 2, "kv_num_heads");
  const int64_t q_heads = int_attr(ctx, "q_num_heads", 0, 1, INT64_MAX),
                kv_heads = int_attr(ctx, "kv_num_heads", 0, 1, INT64_MAX);
  require_groups(ctx, q_heads, kv_heads);
  const Dim size = equal_dims(ctx, q.size, k.size, "the head size of query and key");
  for (const auto& [other, name] : {std::pair(k, "query and key"), std::pair(v, "query and value")}) {
    equal_dims(ctx, q.batch, other.batch, name);
    equal_dims(ctx, q.length, other.length, name);
  }
  const std::vector<Dim> state = {q.batch, kv_heads, size, v.size};
  require_dims(ctx, 3, state, "past_state");
  for (const size_t i : {4, 5}) require_dims(ctx, i, {q.batch, q.length, Dim()}, i == 4 ? "decay" : "beta");
  if (const Dim d = ctx.has_input(4) ? dim_at(ctx.shape(4), 2) : Dim(); d.known() && size.known())
    ctx.require(d.value == kv_heads || d.value == checked_times(ctx, kv_heads, size.value),
                "decay (input 4) has {} values a step, expected one a head or one a key element", d.value);
  if (const Dim d = ctx.has_input(5) ? dim_at(ctx.shape(5), 2) : Dim(); d.known())
    ctx.require(d.value == kv_heads || d.value == 1,
                "beta (input 5) has {} values a step, expected one or one a head", d.value);
  set_output(ctx, 0, ctx.dtype(0),
             std::vector<Dim>{q.batch, q.length,
                              v.size.known() ? Dim(checked_times(ctx, v.size.value, q_heads)) : Dim()});
  set_output(ctx, 1, ctx.has_input(3) ? ctx.dtype(3) : ctx.dtype(0), state);
}

void infer_causal_conv(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  for (const size_t i : {1, 2, 3})
    if (ctx.has_input(i)) require_same_type(ctx, 0, i);
  choice_attr(ctx, "activation", "none", {"none", "silu", "swish"});
  for (const size_t i : {0, 1}) ctx.require_rank(i, 3, 3);
  const SymbolicShape &x = ctx.shape(0), &w = ctx.shape(1);
  const Dim channels = dim_at(x, 1), kernel = dim_at(w, 2);
  require_dims(ctx, 1, {channels, 1, Dim()}, "weight");
  ctx.require(!kernel.known() || kernel.value >= 1, "weight (input 1) has a kernel of 0");
  if (ctx.has_input(2)) require_vector(ctx, 2, channels, "bias");
  const std::vector<Dim> state = {dim_at(x, 0), channels, kernel.known() ? Dim(kernel.value - 1) : Dim()};
  require_dims(ctx, 3, state, "past_state");
  same_as_input(ctx);
  set_output(ctx, 1, ctx.dtype(0), state);
}

int64_t causal_conv_macs(const Node&, std::span<const Shape> in, std::span<const Shape>) {
  return checked_mul(in[0].numel(), in[1][2]);
}

}  // namespace

const std::vector<OpDecl>& attention_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "Attention",
       .min_inputs = 3,
       .max_inputs = 7,
       .max_outputs = 4,
       .attributes = {{"is_causal", AttrKind::kInt},
                      {"kv_num_heads", AttrKind::kInt},
                      {"q_num_heads", AttrKind::kInt},
                      {"qk_matmul_output_mode", AttrKind::kInt},
                      {"scale", AttrKind::kFloat},
                      {"softcap", AttrKind::kFloat},
                      {"softmax_precision", AttrKind::kInt}},
       .infer = infer_attention,
       .macs = attention_macs},
      {.op = "CausalConvWithState",
       .min_inputs = 2,
       .max_inputs = 4,
       .max_outputs = 2,
       .attributes = {{"activation", AttrKind::kString}},
       .infer = infer_causal_conv,
       .macs = causal_conv_macs},
      {.domain = "ai.onnx.preview",
       .op = "FlexAttention",
       .min_inputs = 3,
       .max_inputs = 3,
       .attributes = {{"prob_mod", AttrKind::kGraph},
                      {"scale", AttrKind::kFloat},
                      {"score_mod", AttrKind::kGraph},
                      {"softmax_precision", AttrKind::kInt}},
       .infer = infer_flex_attention,
       .macs = attention_macs},
      {.op = "LinearAttention",
       .min_inputs = 3,
       .max_inputs = 6,
       .max_outputs = 2,
       .attributes = {{"chunk_size", AttrKind::kInt},
                      {"kv_num_heads", AttrKind::kInt, true},
                      {"q_num_heads", AttrKind::kInt, true},
                      {"scale", AttrKind::kFloat},
                      {"update_rule", AttrKind::kString}},
       .infer = infer_linear_attention},
      {.op = "RotaryEmbedding",
       .min_inputs = 3,
       .max_inputs = 4,
       .attributes = {{"interleaved", AttrKind::kInt},
                      {"num_heads", AttrKind::kInt},
                      {"rotary_embedding_dim", AttrKind::kInt}},
       .infer = infer_rotary},
  };
  return decls;
}

}  // namespace precis::ops
