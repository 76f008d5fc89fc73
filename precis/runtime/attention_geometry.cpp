// See the header.
#include "precis/runtime/attention_geometry.h"

#include <cmath>

#include "precis/core/checked.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {

namespace ref = kernels::reference;

Heads heads_of(const Node& node, const Shape& s, const char* attribute) {
  require(node, s.rank() == 3 || s.rank() == 4, "an input has shape {}, expected three or four dimensions",
          s.str());
  Heads h;
  h.batch = s[0];
  if (s.rank() == 4) {
    h.heads = s[1], h.length = s[2], h.size = s[3];
    h.strides = {s.inner(1), s.inner(2), s.inner(3)};
    return h;
  }
  h.heads = node.get_int(attribute, 0);
  require(node, h.heads >= 1 && s[2] % h.heads == 0, "{} features do not divide into {} heads", s[2],
          h.heads);
  h.length = s[1], h.size = s[2] / h.heads;
  h.strides = {s.inner(1), h.size, s[2]};
  return h;
}

ref::AttentionParams attention_params(const Node& node, const Heads& q, const Heads& k, const Heads& v,
                                      int64_t past) {
  require(node,
          q.batch == k.batch && k.batch == v.batch && q.size == k.size && k.length == v.length &&
              k.heads == v.heads,
          "Q of {} x {} x {} x {}, K of {} x {} x {} x {} and V of {} x {} x {} x {} do not fit", q.batch,
          q.heads, q.length, q.size, k.batch, k.heads, k.length, k.size, v.batch, v.heads, v.length, v.size);
  require(node, k.heads > 0 && q.heads % k.heads == 0, "{} heads of queries do not divide into {} of keys",
          q.heads, k.heads);
  ref::AttentionParams p;
  p.batch = q.batch, p.q_heads = q.heads, p.kv_heads = k.heads;
  p.queries = q.length, p.keys = checked_add(k.length, std::max<int64_t>(past, 0));
  p.size = q.size, p.v_size = v.size;
  p.q = q.strides, p.k = k.strides, p.v = v.strides;
  p.scale = node.has("scale") ? static_cast<double>(node.get_float("scale", 1))
                              : 1 / std::sqrt(static_cast<double>(q.size));
  p.softcap = static_cast<double>(node.get_float("softcap", 0));
  if (node.get_int("is_causal", 0) != 0) p.past = std::max<int64_t>(past, 0);
  p.scores = static_cast<ref::AttentionParams::Scores>(node.get_int("qk_matmul_output_mode", 0));
  return p;
}

void set_mask(const Node& node, const Shape& mask, ref::AttentionParams& p) {
  require(node, mask.rank() >= 1 && mask.rank() <= 4 && mask[mask.rank() - 1] <= p.keys,
          "attn_mask has shape {}, expected one that broadcasts to {} x {} x {} x {}", mask.str(), p.batch,
          p.q_heads, p.queries, p.keys);
  p.mask_keys = mask[mask.rank() - 1];
  const int64_t wanted[] = {p.queries, p.q_heads, p.batch};
  int64_t* const strides[] = {&p.mask.row, &p.mask.head, &p.mask.batch};
  int64_t stride = p.mask_keys;
  for (int i = 0; i < mask.rank() - 1; ++i) {
    const int64_t length = mask[mask.rank() - 2 - i];
    require(node, length == 1 || length == wanted[i],
            "attn_mask has shape {}, which does not broadcast to {} x {} x {} x {}", mask.str(), p.batch,
            p.q_heads, p.queries, p.keys);
    if (length != 1) *strides[i] = stride;
    stride = checked_mul(stride, length);
  }
}

Shape attention_result(const Shape& q_shape, const Heads& q, const Heads& v) {
  if (q_shape.rank() == 4) return {q.batch, q.heads, q.length, v.size};
  return {q.batch, q.length, checked_mul(q.heads, v.size)};
}

ref::RotaryParams rotary_params(const Node& node, const Shape& x, const Shape& cosines, const Shape& sines,
                                bool positions) {
  const Heads h = heads_of(node, x, "num_heads");
  ref::RotaryParams p;
  p.batch = h.batch, p.heads = h.heads, p.length = h.length, p.size = h.size, p.x = h.strides;
  p.rotated = node.get_int("rotary_embedding_dim", 0) > 0 ? node.get_int("rotary_embedding_dim", 0) : h.size;
  require(node, p.rotated % 2 == 0 && p.rotated <= h.size,
          "{} of {} elements are to be rotated, expected an even number", p.rotated, h.size);
  p.interleaved = node.get_int("interleaved", 0) != 0;
  require(node,
          cosines == sines && cosines.rank() == (positions ? 2 : 3) &&
              cosines[cosines.rank() - 1] == p.rotated / 2,
          "the tables have shapes {} and {}, expected {} dimensions, the last of {}", cosines.str(),
          sines.str(), positions ? 2 : 3, p.rotated / 2);
  if (positions) return p;
  require(node, cosines[0] == h.batch && cosines[1] == h.length,
          "the tables have shape {}, expected {} x {} rows", cosines.str(), h.batch, h.length);
  p.angle_batch = cosines.inner(1);
  return p;
}

void require_positions(const Node& node, const int64_t* ids, int64_t count, int64_t rows) {
  for (int64_t i = 0; i < count; ++i)
    require(node, ids[i] >= 0 && ids[i] < rows, "position_ids holds {}, expected 0 to {}", ids[i], rows - 1);
}

}  // namespace precis::runtime
