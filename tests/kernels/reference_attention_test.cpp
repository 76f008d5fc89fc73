// Attention and its relatives against values worked out by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "precis/kernels/reference/attention.h"

namespace precis::kernels::reference {
namespace {

// One sample, one element a head.
AttentionParams small(int64_t heads, int64_t queries, int64_t keys) {
  AttentionParams p;
  p.batch = 1, p.q_heads = heads, p.kv_heads = 1, p.queries = queries, p.keys = keys, p.size = 1,
  p.v_size = 1;
  p.q = p.y = {heads * queries, queries, 1};
  p.k = p.v = {keys, keys, 1};
  return p;
}

TEST(Attention, WeighsValuesByTheirKeys) {
  const double q[] = {1, 2}, k[] = {0, std::log(3.0)}, v[] = {4, 8};
  double y[2];
  attention<double, double>(small(1, 2, 2), q, k, v, nullptr, y, nullptr);
  EXPECT_DOUBLE_EQ(y[0], 0.25 * 4 + 0.75 * 8);  // e^0 : e^ln 3
  EXPECT_DOUBLE_EQ(y[1], 0.1 * 4 + 0.9 * 8);
}

TEST(Attention, HeadsOfOneGroupShareKeys) {
  const double q[] = {0, 0, 0, 0}, k[] = {5, 7}, v[] = {1, 3};
  std::vector<double> y(4);
  attention<double, double>(small(4, 1, 2), q, k, v, nullptr, y.data(), nullptr);
  EXPECT_EQ(y, (std::vector<double>{2, 2, 2, 2}));
}

TEST(Attention, CausalMaskStartsBehindThePast) {
  AttentionParams p = small(1, 2, 3);
  p.past = 1;
  const double q[] = {0, 0}, k[] = {0, 0, 0}, v[] = {1, 2, 6};
  double y[2];
  attention<double, double>(p, q, k, v, nullptr, y, nullptr);
  EXPECT_DOUBLE_EQ(y[0], 1.5);
  EXPECT_DOUBLE_EQ(y[1], 3);
}

TEST(Attention, ShortMasksAndLengthsLeaveKeysOut) {
  AttentionParams p = small(1, 1, 3);
  p.mask_keys = 2;
  const double q[] = {0}, k[] = {0, 0, 0}, v[] = {1, 3, 100}, mask[] = {0, std::log(3.0)};
  double y, scores[3];
  p.scores = AttentionParams::Scores::kWeights;
  attention<double, double>(p, q, k, v, mask, &y, scores);
  EXPECT_DOUBLE_EQ(y, 2.5);
  EXPECT_DOUBLE_EQ(scores[1], 0.75);
  EXPECT_EQ(scores[2], 0);
  const int64_t lengths[] = {1};
  p.lengths = lengths;
  attention<double, double>(p, q, k, v, nullptr, &y, scores);
  EXPECT_EQ(y, 1);
}

TEST(Attention, CapsBeforeTheMask) {
  AttentionParams p = small(1, 1, 1);
  p.softcap = 2;
  p.scale = 0.5;
  const double q[] = {4}, k[] = {3}, v[] = {1}, mask[] = {10};
  p.mask_keys = 1;
  double y, score;
  p.scores = AttentionParams::Scores::kProducts;
  attention<double, double>(p, q, k, v, mask, &y, &score);
  EXPECT_DOUBLE_EQ(score, 6);
  p.scores = AttentionParams::Scores::kCapped;
  attention<double, double>(p, q, k, v, mask, &y, &score);
  EXPECT_DOUBLE_EQ(score, 2 * std::tanh(3));
  p.scores = AttentionParams::Scores::kMasked;
  attention<double, double>(p, q, k, v, mask, &y, &score);
  EXPECT_DOUBLE_EQ(score, 2 * std::tanh(3) + 10);
}

TEST(RotaryEmbedding, TurnsHalvesOrNeighbours) {
  RotaryParams p;
  p.batch = 1, p.heads = 1, p.length = 1, p.size = 5, p.rotated = 4;
  p.x = {5, 5, 5};
  const double x[] = {1, 2, 3, 4, 9}, cosines[] = {0, 1}, sines[] = {1, 0};
  std::vector<double> y(5);
  rotary_embedding(p, x, cosines, sines, y.data());
  EXPECT_EQ(y, (std::vector<double>{-3, 2, 1, 4, 9}));
  p.interleaved = true;
  rotary_embedding(p, x, cosines, sines, y.data());
  EXPECT_EQ(y, (std::vector<double>{-2, 1, 3, 4, 9}));
}

TEST(LinearAttention, DecaysAndCorrects) {
  LinearAttentionParams p;
  p.batch = 1, p.steps = 2, p.q_heads = 1, p.kv_heads = 1, p.size = 1, p.v_size = 1, p.decays = 1,
  p.betas = 1;
  const double q[] = {1, 1}, k[] = {2, 1}, v[] = {3, 5}, decay[] = {0, std::log(0.5)}, beta[] = {1, 0.5};
  double state = 0, y[2];
  linear_attention<double>(p, q, k, v, decay, beta, &state, y);
  EXPECT_DOUBLE_EQ(y[0], 6);                  // 0 + 2 * 1 * (3 - 0)
  EXPECT_DOUBLE_EQ(y[1], 3 + 0.5 * (5 - 3));  // the state is 3 before the correction
  EXPECT_DOUBLE_EQ(state, y[1]);
}

TEST(CausalConv, ReadsThePastAndLeavesItsEnd) {
  CausalConvParams p;
  p.batch = 1, p.channels = 1, p.length = 2, p.kernel = 4;
  const double x[] = {4, 5}, w[] = {1000, 100, 10, 1}, past[] = {1, 2, 3}, bias[] = {0.5};
  std::vector<double> y(2), next(3);
  causal_conv(p, x, w, bias, past, y.data(), next.data());
  EXPECT_EQ(y, (std::vector<double>{1234.5, 2345.5}));
  EXPECT_EQ(next, (std::vector<double>{3, 4, 5}));
  causal_conv<double>(p, x, w, nullptr, nullptr, y.data(), next.data());
  EXPECT_EQ(y, (std::vector<double>{4, 45}));
  EXPECT_EQ(next, (std::vector<double>{0, 4, 5}));
}

}  // namespace
}  // namespace precis::kernels::reference
