// Where the heads of attention operators lie in memory, for the reference and for the plans: shapes and
// attributes checked and turned into the strides of kernels/reference/attention.h.
#pragma once

#include "precis/core/shape.h"
#include "precis/graph/graph.h"
#include "precis/kernels/reference/attention.h"

namespace precis::runtime {

// A [batch, heads, length, size] tensor, or one packed as [batch, length, heads * size].
struct Heads {
  int64_t batch = 0, heads = 0, length = 0, size = 0;
  kernels::reference::HeadStrides strides;
};
// `attribute` of the node tells the number of heads of a packed tensor.
Heads heads_of(const Node& node, const Shape& shape, const char* attribute);

// Attention over Q, K and V as they lie; `past` keys of another tensor stand before those of K (-1: there is
// no such tensor). The strides of y are left open.
kernels::reference::AttentionParams attention_params(const Node& node, const Heads& q, const Heads& k,
                                                     const Heads& v, int64_t past);
void set_mask(const Node& node, const Shape& mask, kernels::reference::AttentionParams& p);
Shape attention_result(const Shape& q_shape, const Heads& q, const Heads& v);

// RotaryEmbedding of x with tables of these shapes; `positions`: rows of the tables are chosen by ids.
kernels::reference::RotaryParams rotary_params(const Node& node, const Shape& x, const Shape& cosines,
                                               const Shape& sines, bool positions);
// Error(kMalformed) naming the first id that is no row of the tables.
void require_positions(const Node& node, const int64_t* ids, int64_t count, int64_t rows);

}  // namespace precis::runtime
