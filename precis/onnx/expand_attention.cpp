// Attention and RotaryEmbedding written out; see expand_rules.h.
#include <cmath>
#include <limits>

#include "precis/graph/fusions/heads.h"
#include "precis/onnx/expand_rules.h"

namespace precis::onnx_io {
namespace {

using fusions::dim_of;
using fusions::rank_of;

// Heads in front, [batch, heads, length, size]: how many there are and how large.
struct Heads {
  ValueId value;
  Dim count, size;
};

Heads heads_of(NodeSite& s, size_t input, const char* attribute) {
  const ValueId v = s.in(input);
  if (rank_of(s.g, v) == 4) return {v, dim_of(s.g, v, 1), dim_of(s.g, v, 3)};
  const int64_t count = s.node().get_int(attribute, 0);
  const Dim packed = dim_of(s.g, v, 2);
  if (count <= 0) return {};
  return {v, count, packed.known() ? Dim(packed.value / count) : Dim()};
}

ValueId split_heads(NodeSite& s, const Heads& h, bool packed) {
  if (!packed) return h.value;
  const ValueId split = s.op("Reshape", {h.value, s.ints({0, 0, h.count.value, -1}, "heads")});
  return s.op("Transpose", {split}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
}

// Each head as often as queries share it.
ValueId repeated(NodeSite& s, ValueId v, const Heads& h, int64_t times) {
  if (times == 1) return v;
  const ValueId apart = s.op("Unsqueeze", {v, s.ints({2}, "axis")});
  const ValueId tiled = s.op("Tile", {apart, s.ints({1, 1, times, 1, 1}, "repeats")});
  return s.op("Reshape", {tiled, s.ints({0, h.count.value * times, -1, h.size.value}, "all_heads")});
}

// What is added to the scores.
ValueId added_mask(NodeSite& s, ValueId mask) {
  if (s.g.value(mask).type.dtype != DType::kBool) return mask;
  const ValueId zero = s.scalar(0, "kept"),
                never = s.scalar(-std::numeric_limits<float>::infinity(), "left_out");
  return s.op("Where", {mask, zero, never});
}

// The lower triangle of a causal mask, for lengths that are known.
ValueId triangle(NodeSite& s, int64_t queries, int64_t keys, int64_t past) {
  Tensor t(DType::kF32, {queries, keys});
  for (int64_t i = 0; i < queries; ++i)
    for (int64_t j = 0; j < keys; ++j)
      t.data<float>()[static_cast<size_t>(i * keys + j)] =
          j <= past + i ? 0.0f : -std::numeric_limits<float>::infinity();
  return s.constant(t.cast(s.dtype(0)), "causal_mask");
}

constexpr int64_t kMaxTriangle = 1 << 24;  // elements; a longer sequence is not written out

struct Plan {
  Heads q, k, v;
  int rank = 0;
  bool packed = false;  // heads lie in rows; one head alone is rows already
  Dim queries, keys, past;
  float scale = 1;
  bool causal = false;
};

std::optional<Plan> plan_attention(NodeSite& s) {
  const Node& n = s.node();
  Plan p;
  p.rank = rank_of(s.g, s.in(0)).value_or(0);
  p.q = heads_of(s, 0, "q_num_heads"), p.k = heads_of(s, 1, "kv_num_heads"),
  p.v = heads_of(s, 2, "kv_num_heads");
  const bool known =
      p.q.count.known() && p.k.count.known() && p.k.count.value > 0 && p.k.size.known() && p.v.size.known();
  for (size_t output : {1, 2, 3})
    if (s.wants(output)) return std::nullopt;
  if (!known || s.in(6) || (p.rank != 3 && p.rank != 4) || n.get_int("softmax_precision", 1) != 1)
    return std::nullopt;
  const int length_axis = p.rank == 4 ? 2 : 1;
  p.queries = dim_of(s.g, s.in(0), length_axis), p.keys = dim_of(s.g, s.in(1), length_axis);
  p.past = s.in(4) ? dim_of(s.g, s.in(4), 2) : Dim(0);
  const Dim total = p.keys.known() && p.past.known() ? Dim(p.keys.value + p.past.value)
                    : s.in(4)                        ? Dim()
                                                     : p.keys;
  // A mask that is shorter than the keys leaves the last ones out: that cannot be a sum.
  if (s.in(3) && !fusions::Lengths(s.g).fit(s.in(3), -1, total)) return std::nullopt;
  p.packed = p.rank == 3 && (p.q.count != Dim(1) || p.k.count != Dim(1) || s.in(4));
  p.causal = n.get_int("is_causal", 0) != 0;
  if (p.causal && !(p.queries.known() && total.known() && p.queries.value * total.value <= kMaxTriangle))
    return std::nullopt;
  p.scale = n.has("scale") ? n.get_float("scale", 1)
                           : static_cast<float>(1 / std::sqrt(static_cast<double>(p.k.size.value)));
  return p;
}

ValueId capped(NodeSite& s, ValueId scores) {
  const float cap = s.node().get_float("softcap", 0);
  if (cap == 0) return scores;
  const ValueId limit = s.scalar(cap, "softcap");
  return s.op("Mul", {s.op("Tanh", {s.op("Div", {scores, limit})}), limit});
}

}  // namespace

// softmax(scale Q K^T [capped] [+ mask]) V
bool expand_attention(NodeSite& s) {
  const auto p = plan_attention(s);
  if (!p) return false;
  const int64_t times = p->q.count.value / p->k.count.value;
  const auto keys_or_values = [&](const Heads& h, ValueId past) {
    ValueId v = split_heads(s, h, p->packed);
    if (past) v = s.op("Concat", {past, v}, {{"axis", int64_t{2}}});
    return repeated(s, v, h, times);
  };
  const ValueId q = split_heads(s, p->q, p->packed), k = keys_or_values(p->k, s.in(4)),
                v = keys_or_values(p->v, s.in(5));
  const bool rows = p->rank == 3 && !p->packed;  // no dimension for the head
  const std::vector<int64_t> turn = rows ? std::vector<int64_t>{0, 2, 1} : std::vector<int64_t>{0, 1, 3, 2};
  const ValueId turned = s.op("Transpose", {k}, {{"perm", turn}});
  ValueId scores = s.op("Mul", {s.op("MatMul", {q, turned}), s.scalar(p->scale, "scale")});
  scores = capped(s, scores);
  if (p->causal)
    scores =
        s.op("Add", {scores, triangle(s, p->queries.value, p->keys.value + p->past.value, p->past.value)});
  if (s.in(3)) {
    ValueId mask = added_mask(s, s.in(3));
    if (rows && rank_of(s.g, s.in(3)) == 4) mask = s.op("Squeeze", {mask, s.ints({1}, "head_axis")});
    scores = s.op("Add", {scores, mask});
  }
  const ValueId weights = s.op("Softmax", {scores}, {{"axis", int64_t{-1}}});
  if (!p->packed) {
    s.become("MatMul", {weights, v});
    return true;
  }
  const ValueId y =
      s.op("Transpose", {s.op("MatMul", {weights, v})}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
  s.become("Reshape", {y, s.ints({0, 0, -1}, "joined")});
  return true;
}

namespace {

// Elements `begin` to `end` of each head, every `step`th.
ValueId part_of_heads(NodeSite& s, ValueId x, int64_t begin, int64_t end, int64_t step) {
  return s.op("Slice", {x, s.ints({begin}, "begin"), s.ints({end}, "end"), s.ints({-1}, "axis"),
                        s.ints({step}, "step")});
}

}  // namespace

// Of each pair (a, b) of a head: (a cos - b sin, a sin + b cos); pairs are neighbours, or lie half apart.
bool expand_rotary(NodeSite& s) {
  const Node& n = s.node();
  const Heads h = heads_of(s, 0, "num_heads");
  const int rank = rank_of(s.g, s.in(0)).value_or(0);
  const int64_t asked = n.get_int("rotary_embedding_dim", 0);
  if (!h.size.known() || (rank != 3 && rank != 4)) return false;
  const int64_t rotated = asked > 0 ? asked : h.size.value, half = rotated / 2;
  const bool pairs = n.get_int("interleaved", 0) != 0, packed = rank == 3;
  const ValueId heads_axis = s.ints({packed ? 2 : 1}, "heads_axis");
  const auto table = [&](size_t input) {  // with a dimension for the heads
    const ValueId rows =
        s.in(3) ? s.op("Gather", {s.in(input), s.in(3)}, {{"axis", int64_t{0}}}) : s.in(input);
    return s.op("Unsqueeze", {rows, heads_axis});
  };
  const ValueId c = table(1), d = table(2);
  const ValueId x = packed ? s.op("Reshape", {s.in(0), s.ints({0, 0, h.count.value, -1}, "heads")}) : s.in(0);
  const ValueId a = pairs ? part_of_heads(s, x, 0, rotated, 2) : part_of_heads(s, x, 0, half, 1);
  const ValueId b = pairs ? part_of_heads(s, x, 1, rotated, 2) : part_of_heads(s, x, half, rotated, 1);
  ValueId first = s.op("Sub", {s.op("Mul", {a, c}), s.op("Mul", {b, d})});
  ValueId second = s.op("Add", {s.op("Mul", {a, d}), s.op("Mul", {b, c})});
  const bool whole = rotated == h.size.value;
  if (pairs) {
    const ValueId last = s.ints({-1}, "pair_axis");
    const ValueId joined =
        s.op("Concat", {s.op("Unsqueeze", {first, last}), s.op("Unsqueeze", {second, last})},
             {{"axis", int64_t{-1}}});
    const ValueId rows = s.ints({0, 0, 0, rotated}, "rows");
    if (whole && !packed) {
      s.become("Reshape", {joined, rows});
      return true;
    }
    first = s.op("Reshape", {joined, rows});
    second = {};
  }
  std::vector<ValueId> parts = {first};
  if (second) parts.push_back(second);
  if (!whole) parts.push_back(part_of_heads(s, x, rotated, h.size.value, 1));
  if (!packed) {
    s.become("Concat", parts, {{"axis", int64_t{-1}}});
    return true;
  }
  const ValueId heads = parts.size() == 1 ? first : s.op("Concat", parts, {{"axis", int64_t{-1}}});
  s.become("Reshape", {heads, s.ints({0, 0, -1}, "packed")});
  return true;
}

}  // namespace precis::onnx_io
