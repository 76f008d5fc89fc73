// Scaled dot-product attention, rotary embedding, linear attention and the causal convolution that go with
// them, for f32 and f64. Sums are sequential.
#pragma once

#include <cstdint>

namespace precis::kernels::reference {

// Strides of a [batch, heads, length, size] tensor whose last dimension is contiguous.
struct HeadStrides {
  int64_t batch = 0, head = 0, row = 0;
};

struct AttentionParams {
  int64_t batch = 0, q_heads = 0, kv_heads = 0, queries = 0, keys = 0, size = 0, v_size = 0;
  HeadStrides q, k, v, y;
  double scale = 1, softcap = 0;     // softcap 0: none
  int64_t past = -1;                 // causal: query i sees the keys up to past + i; -1: all
  HeadStrides mask;                  // 0: broadcast
  int64_t mask_keys = 0;             // columns of the mask; keys behind them are left out
  const int64_t* lengths = nullptr;  // keys that count, per sample; null: all
  enum class Scores : uint8_t { kProducts, kCapped, kMasked, kWeights };
  Scores scores = Scores::kProducts;  // which state the output of the scores shows
};

// mask (null: none) is added; scores [batch, q_heads, queries, keys] may be null. The softmax runs in type S.
template <typename T, typename S>
void attention(const AttentionParams& p, const T* q, const T* k, const T* v, const T* mask, T* y, T* scores);

struct RotaryParams {
  int64_t batch = 0, heads = 0, length = 0, size = 0;
  HeadStrides x;                       // of x and y
  int64_t rotated = 0;                 // the first elements of each head; even
  bool interleaved = false;            // pairs are neighbours; else halves
  int64_t angle_batch = 0;             // stride of the tables per sample; a row has rotated / 2 values
  const int64_t* positions = nullptr;  // [batch, length], rows of the tables; null: the tables go by step
};
template <typename T>
void rotary_embedding(const RotaryParams& p, const T* x, const T* cosines, const T* sines, T* y);

struct LinearAttentionParams {
  int64_t batch = 0, steps = 0, q_heads = 0, kv_heads = 0, size = 0, v_size = 0;
  double scale = 1;
  int64_t decays = 0,
          betas = 0;  // values a step: one a head, or one a key element (decay); one, or one a head (beta)
};
// decay and beta may be null. state [batch, kv_heads, size, v_size] is updated.
template <typename T>
void linear_attention(const LinearAttentionParams& p, const T* q, const T* k, const T* v, const T* decay,
                      const T* beta, T* state, T* y);

// Depthwise: y[b, c, t] = bias[c] + sum_j w[c, j] * padded[b, c, t + j], where padded is the past state
// (kernel - 1 values, zeros when null) followed by x; the next state is its end.
struct CausalConvParams {
  int64_t batch = 0, channels = 0, length = 0, kernel = 1;
  bool silu = false;
};
template <typename T>
void causal_conv(const CausalConvParams& p, const T* x, const T* w, const T* bias, const T* past, T* y,
                 T* next);

}  // namespace precis::kernels::reference
