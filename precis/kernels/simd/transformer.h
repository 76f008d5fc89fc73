// What transformers compute between their matrix products, in f32: normalized rows and scaled dot-product
// attention. Every sum has an order that does not depend on the instruction set, on threads or on how the
// work is cut: results are the same everywhere. The caller splits the work and runs it on its threads;
// nothing is allocated.
#pragma once

#include <cstdint>

#include "precis/core/isa.h"
#include "precis/kernels/reference/attention.h"

namespace precis::kernels::simd {

using reference::HeadStrides;

// y = (x - mean) / sqrt(variance + epsilon) * scale + bias for each row of n values; without `centred`,
// y = x / sqrt(mean of squares + epsilon) * scale. Means are sums of 16 stripes.
struct NormalizeParams {
  int64_t n = 0;
  float epsilon = 0;
  bool centred = false;
  const float *scale = nullptr, *bias = nullptr;  // [n]; bias may be null
};

// softmax(scale q k^T [capped] + mask) v, as reference::AttentionParams describes it.
struct AttentionCall {
  int64_t q_heads = 0, kv_heads = 0, queries = 0, keys = 0, size = 0, v_size = 0;
  HeadStrides q, k, v, y, mask;
  float scale = 1, softcap = 0;  // softcap 0: none
  int64_t past = -1;             // causal: query i sees the keys up to past + i; -1: all
  int64_t mask_keys = 0;         // columns of the mask; keys behind them are left out
};
struct AttentionData {
  const float *q = nullptr, *k = nullptr, *v = nullptr, *mask = nullptr;  // mask: null, or what is added
  float* y = nullptr;
};

struct TransformerKernels {
  // `rows` rows, one after the other.
  void (*normalize)(const NormalizeParams& p, int64_t rows, const float* x, float* y);
  // Rows [first, last) of one head of keys of one sample: row r is query r % queries of the head's query head
  // r / queries. `scratch`: attention_scratch() floats.
  void (*attend)(const AttentionCall& c, const AttentionData& d, int64_t batch, int64_t kv_head,
                 int64_t first, int64_t last, float* scratch);
  // Floats that `attend` works in.
  int64_t (*attention_scratch)(const AttentionCall& c);
  int64_t rows_at_once;  // by which `attend` goes: ranges are best cut at multiples
};

// Null for instruction sets that have none.
const TransformerKernels* transformer_kernels_for(Isa isa);

}  // namespace precis::kernels::simd
