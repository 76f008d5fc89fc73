// Attention, RotaryEmbedding, LinearAttention, CausalConvWithState: inferred types and what is refused.
#include <gtest/gtest.h>

#include "precis/graph/macs.h"
#include "tests/graph/infer_support.h"

namespace precis {
namespace {

constexpr const char* kQkv = "q: f32[B,8,L,16], k: f32[B,2,6,16], v: f32[B,2,6,10]";
constexpr const char* kPacked = "q: f32[B,4,24], k: f32[B,6,8], v: f32[B,6,12]";

TEST(AttentionOps, InferTypes) {
  EXPECT_EQ(inferred_op(kQkv, "y = Attention(q, k, v)"), "f32[B,8,L,10]");
  EXPECT_EQ(inferred_op(kQkv, "a, b, c, y = Attention(q, k, v)"), "f32[B,8,L,6]");
  EXPECT_EQ(inferred_op(std::string(kQkv) + ", p: f32[B,2,3,16], r: f32[B,2,3,10]",
                        "a, y = Attention(q, k, v, _, p, r)"),
            "f32[B,2,9,16]");
  EXPECT_EQ(inferred_op(kPacked, "y = Attention(q, k, v) {q_num_heads=6, kv_num_heads=2}"), "f32[B,4,36]");
  EXPECT_EQ(inferred_op(kQkv, "y = ai.onnx.preview::FlexAttention(q, k, v)"), "f32[B,8,L,10]");
  EXPECT_EQ(inferred_op("x: f32[B,4,L,8], c: f32[B,L,4]", "y = RotaryEmbedding(x, c, c)"), "f32[B,4,L,8]");
  constexpr const char* kLinear = "q: f32[B,T,8], k: f32[B,T,4], v: f32[B,T,6]";
  EXPECT_EQ(
      inferred_op(kLinear,
                  "y = LinearAttention(q, k, v) {q_num_heads=4, kv_num_heads=2, update_rule=\"linear\"}"),
      "f32[B,T,12]");
  EXPECT_EQ(
      inferred_op(kLinear,
                  "a, y = LinearAttention(q, k, v) {q_num_heads=4, kv_num_heads=2, update_rule=\"linear\"}"),
      "f32[B,2,2,3]");
  EXPECT_EQ(inferred_op("x: f32[B,4,L], w: f32[4,1,3]", "a, y = CausalConvWithState(x, w)"), "f32[B,4,2]");
}

TEST(AttentionOps, CountsBothProducts) {
  Graph g = parse_graph(
      "graph g(q: f32[1,8,5,16], k: f32[1,2,6,16], v: f32[1,2,6,10]) -> (y) { y = Attention(q, k, v) }");
  infer_types(g);
  EXPECT_EQ(node_macs(g, g.order()[0]), 8 * 5 * 6 * (16 + 10));
}

struct Refused {
  const char* inputs;
  const char* statement;
  const char* message;
};

TEST(AttentionOps, RefuseBadAttributesAndShapes) {
  const Refused cases[] = {
      {kPacked, "y = Attention(q, k, v)", "attribute 'q_num_heads' is 0, expected at least 1"},
      {kPacked, "y = Attention(q, k, v) {q_num_heads=5, kv_num_heads=2}",
       "24 features, which do not divide into 5 heads"},
      {kPacked, "y = Attention(q, k, v) {q_num_heads=6, kv_num_heads=4}",
       "the head size of Q and K is 4 on one side and 2"},
      {"q: f32[1,3,5,4], k: f32[1,2,5,4]", "y = Attention(q, k, k)",
       "3 heads of queries do not divide into 2 heads"},
      {"q: f32[1,2,5,4], k: f32[1,5,8]", "y = Attention(q, k, k)", "Q has rank 4 and input 1 has rank 3"},
      {kQkv, "y = Attention(q, k, v) {softcap=-1.0}", "attribute 'softcap' is -1"},
      {kQkv, "y = Attention(q, k, v) {qk_matmul_output_mode=4}", "attribute 'qk_matmul_output_mode' is 4"},
      {kQkv, "y = Attention(q, k, v) {softmax_precision=7}", "asks for i64, expected a float type"},
      {"q: f32[B,8,L,16], k: f32[B,2,6,16], v: f32[B,2,6,10], m: f32[7]", "y = Attention(q, k, v, m)",
       "attn_mask (input 3) has 7 columns, expected at most the 6 keys"},
      {"q: f32[B,8,L,16], k: f32[B,2,6,16], v: f32[B,2,6,10], m: f32[3,1,6]", "y = Attention(q, k, v, m)",
       "attn_mask (input 3) of shape"},
      {"q: f32[B,8,L,16], k: f32[B,2,6,16], v: f32[B,2,6,10], p: f32[1,2,3,16]",
       "y = Attention(q, k, v, _, p)", "past_key and past_value (inputs 4 and 5) go together"},
      {"q: f32[B,8,L,16], k: f32[B,2,6,16], v: f32[B,2,6,10], p: f32[1,1,3,16], r: f32[1,2,3,10]",
       "y = Attention(q, k, v, _, p, r)", "past_key (input 4) has shape"},
      {"x: f32[1,2,5,7], c: f32[1,5,3]", "y = RotaryEmbedding(x, c, c)", "expected an even number"},
      {"x: f32[1,2,5,8], c: f32[1,5,3]", "y = RotaryEmbedding(x, c, c)",
       "cos_cache (input 1) has shape [1,5,3]"},
      {"x: f32[1,5,8], c: f32[1,5,3]", "y = RotaryEmbedding(x, c, c)", "attribute 'num_heads' is 0"},
      {"q: f32[1,5,8]", "y = LinearAttention(q, q, q) {q_num_heads=2, kv_num_heads=2}",
       "decay (input 4) goes with"},
      {"q: f32[1,5,8]", "y = LinearAttention(q, q, q) {q_num_heads=2, kv_num_heads=2, update_rule=\"fast\"}",
       "attribute 'update_rule' is 'fast'"},
      {"x: f32[1,4,9], w: f32[4,2,3]", "y = CausalConvWithState(x, w)", "weight (input 1) has shape [4,2,3]"},
      {"x: f32[1,4,9], w: f32[4,1,3], s: f32[1,4,3]", "y = CausalConvWithState(x, w, _, s)",
       "past_state (input 3) has shape [1,4,3], expected [1,4,2]"},
  };
  for (const Refused& c : cases) {
    const std::string text = "graph g(" + std::string(c.inputs) + ") -> (y) { " + c.statement + " }";
    EXPECT_NE(infer_error(text).find(c.message), std::string::npos)
        << c.statement << ": " << infer_error(text);
  }
}

}  // namespace
}  // namespace precis
