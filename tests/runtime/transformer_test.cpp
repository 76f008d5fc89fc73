// Normalizations, attention and rotary embeddings of the plans against the reference engine, with one thread
// and two; and what is taken by a kernel of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "precis/core/isa.h"
#include "precis/graph/text.h"
#include "precis/kernels/simd/transformer.h"
#include "tests/runtime/run_both.h"

namespace precis::test {
namespace {

using testing::ElementsAre;

// The engines agree, and all that runs is one step of a kernel of ours.
void expect_one_step(const std::string& text) {
  SCOPED_TRACE(text);
  expect_engines_agree(text);
  if (kernels::simd::transformer_kernels_for(current_isa()) == nullptr) return;
  const auto names = step_names(parse_graph(text));
  ASSERT_EQ(names.size(), 1u);
  EXPECT_EQ(names[0].find("reference"), std::string::npos) << names[0];
}

TEST(Transformer, NormalizedRows) {
  const std::string rows =
      " w: f32[40] = constant(normal, seed=1, scale=1) b: f32[40] = constant(normal, seed=2, scale=1) ";
  expect_one_step("graph g(x: f32[2,300,40]) -> (y) {" + rows +
                  "y = LayerNormalization(x, w, b) {epsilon=0.001} }");
  expect_one_step("graph g(x: f32[2,300,40]) -> (y) {" + rows + "y = LayerNormalization(x, w) }");
  expect_one_step("graph g(x: f32[5,40]) -> (y) {" + rows + "y = RMSNormalization(x, w) {axis=1} }");
  expect_one_step(
      "graph g(x: f32[3,4,10]) -> (y) { w: f32[4,10] = constant(normal, seed=1, scale=1) y = "
      "RMSNormalization(x, w) {axis=1} }");
  // one scale for all is the reference's
  expect_engines_agree("graph g(x: f32[5,40]) -> (y) { w: f32[1] = [2] y = RMSNormalization(x, w) }");
  expect_engines_agree("graph g(x: f32[5,40]) -> (y, m) {" + rows + "y, m = LayerNormalization(x, w) }");
}

TEST(Transformer, Attention) {
  const std::string heads = "graph g(q: f32[2,6,9,8], k: f32[2,3,11,8], v: f32[2,3,11,12]";
  expect_one_step(heads + ") -> (y) { y = Attention(q, k, v) }");
  expect_one_step(heads + ") -> (y) { y = Attention(q, k, v) {is_causal=1, scale=0.5, softcap=3.0} }");
  expect_one_step(heads + ", m: f32[9,11]) -> (y) { y = Attention(q, k, v, m) }");
  expect_one_step(heads + ", m: f32[2,1,9,11]) -> (y) { y = Attention(q, k, v, m) {is_causal=1} }");
  expect_one_step(
      "graph g(q: f32[2,9,24], k: f32[2,11,12], v: f32[2,11,12]) -> (y) { y = Attention(q, k, v) "
      "{q_num_heads=6, kv_num_heads=3} }");
}

TEST(Transformer, AttentionWithFlags) {
  expect_engines_agree(R"(graph g(q: f32[1,2,3,8], k: f32[1,2,4,8], v: f32[1,2,4,8]) -> (y) {
    m: bool[3,4] = [1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1]
    y = Attention(q, k, v, m)
  })");
}

TEST(Transformer, AttentionWithAPast) {
  const std::string inputs =
      "graph g(q: f32[2,4,3,8], k: f32[2,2,3,8], v: f32[2,2,3,6], a: f32[2,2,5,8], b: f32[2,2,5,6]";
  expect_engines_agree(inputs + ") -> (y) { y = Attention(q, k, v, _, a, b) {is_causal=1} }");
  expect_engines_agree(inputs + ") -> (y, pk, pv) { y, pk, pv = Attention(q, k, v, _, a, b) {is_causal=1} }");
  expect_engines_agree(inputs + ", m: f32[3,8]) -> (y, pv) { y, pk, pv = Attention(q, k, v, m, a, b) }");
  expect_engines_agree(
      "graph g(q: f32[2,4,3,8], k: f32[2,2,3,8], v: f32[2,2,3,6]) -> (y, pk) { y, pk = Attention(q, k, v) }");
  expect_engines_agree(
      "graph g(q: f32[2,3,32], k: f32[2,3,16], v: f32[2,3,16], a: f32[2,2,5,8], b: f32[2,2,5,8]) -> (y, pk, "
      "pv) { y, pk, pv = "
      "Attention(q, k, v, _, a, b) {q_num_heads=4, kv_num_heads=2} }");
  if (kernels::simd::transformer_kernels_for(current_isa()) == nullptr) return;
  for (const std::string& name : step_names(parse_graph(
           inputs + ") -> (y, pk, pv) { y, pk, pv = Attention(q, k, v, _, a, b) {is_causal=1} }")))
    EXPECT_EQ(name.find("reference"), std::string::npos) << name;
}

TEST(Transformer, AttentionThatTheReferenceComputes) {
  expect_engines_agree(
      "graph g(q: f32[1,2,3,8], k: f32[1,2,4,8], v: f32[1,2,4,8]) -> (y, pk, pv, s) { y, pk, pv, s = "
      "Attention(q, k, v) }");
}

TEST(Transformer, Rotary) {
  const std::string tables =
      " c: f32[20,4] = constant(normal, seed=1, scale=1) s: f32[20,4] = constant(normal, seed=2, scale=1) "
      "p: i64[2,3] = [0, 1, 2, 19, 7, 8] ";
  expect_one_step("graph g(x: f32[2,4,3,8]) -> (y) {" + tables + "y = RotaryEmbedding(x, c, s, p) }");
  expect_one_step("graph g(x: f32[2,4,3,8]) -> (y) {" + tables +
                  "y = RotaryEmbedding(x, c, s, p) {interleaved=1} }");
  expect_one_step("graph g(x: f32[2,3,40]) -> (y) {" + tables +
                  "y = RotaryEmbedding(x, c, s, p) {num_heads=4, rotary_embedding_dim=8} }");
  expect_one_step(
      "graph g(x: f32[2,4,3,8], c: f32[2,3,4], s: f32[2,3,4]) -> (y) { y = RotaryEmbedding(x, c, s) }");
}

}  // namespace
}  // namespace precis::test
