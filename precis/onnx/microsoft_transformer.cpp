// Rules for normalizations with a skip connection, embeddings and attention.
#include "precis/onnx/microsoft_site.h"

namespace precis::onnx_io {
namespace {

constexpr int64_t kF32Code = 1, kI64Code = 7;  // element types by their ONNX numbers

// --- normalizations

std::vector<ValueId> skip_layer_norm(MicrosoftSite& s) {
  const ValueId sum = s.add_if(s.op("Add", {s.in(0), s.in(1)}), s.in(4));
  std::vector<ValueId> inputs = {sum, s.in(2)};
  if (s.in(3)) inputs.push_back(s.in(3));
  const size_t outputs = s.wants(2) ? 3 : s.wants(1) ? 2 : 1;
  std::vector<ValueId> results =
      s.ops("LayerNormalization", std::move(inputs), outputs,
            {{"axis", int64_t{-1}}, {"epsilon", s.node().get_float("epsilon", 1e-12f)}});
  results.resize(3);
  results.push_back(sum);
  return results;
}

// 1 / sqrt(mean(x^2) + epsilon) over the dimensions from `axis` on.
ValueId inverse_deviation(MicrosoftSite& s, ValueId x, int64_t axis, int rank, float epsilon) {
  std::vector<int64_t> axes;
  for (int64_t a = axis < 0 ? axis + rank : axis; a < rank; ++a) axes.push_back(a);
  const ValueId mean = s.op("ReduceMean", {s.op("Mul", {x, x}), s.ints(std::move(axes), "axes")});
  return s.op("Reciprocal", {s.op("Sqrt", {s.op("Add", {mean, s.scalar(epsilon, "epsilon")})})});
}

std::vector<ValueId> skip_rms_norm(MicrosoftSite& s) {
  const float epsilon = s.node().get_float("epsilon", 1e-12f);
  const ValueId sum = s.add_if(s.op("Add", {s.in(0), s.in(1)}), s.in(3));
  const ValueId y = s.op("RMSNormalization", {sum, s.in(2)}, {{"axis", int64_t{-1}}, {"epsilon", epsilon}});
  const ValueId deviation = s.wants(2) ? inverse_deviation(s, sum, -1, s.rank(0), epsilon) : ValueId{};
  return {y, {}, deviation, sum};
}

std::vector<ValueId> rms_norm(MicrosoftSite& s) {
  const float epsilon = s.node().get_float("epsilon", 1e-5f);
  const int64_t axis = s.node().get_int("axis", -1);
  const ValueId y = s.op("RMSNormalization", {s.in(0), s.in(1)}, {{"axis", axis}, {"epsilon", epsilon}});
  return {y, s.wants(1) ? inverse_deviation(s, s.in(0), axis, s.rank(0), epsilon) : ValueId{}};
}

// --- embeddings

// Rows 0 to length - 1 of the position embedding.
ValueId first_rows(MicrosoftSite& s, ValueId table, ValueId ids) {
  const ValueId length = s.op("Shape", {ids}, {{"start", int64_t{1}}, {"end", int64_t{2}}});
  return s.op("Slice", {table, s.ints({0}, "start"), length, s.ints({0}, "axis")});
}

ValueId valid_counts(MicrosoftSite& s) {
  if (s.in(7)) {
    const ValueId counts = s.op("ReduceSum", {s.in(7), s.ints({1}, "axis")}, {{"keepdims", int64_t{0}}});
    return s.op("Cast", {counts}, {{"to", int64_t{6}}});
  }
  const ValueId batch = s.op("Shape", {s.in(0)}, {{"start", int64_t{0}}, {"end", int64_t{1}}});
  return s.op("ConstantOfShape", {batch}, {{"value", Tensor::from<int32_t>(Shape{1}, {0})}});
}

std::vector<ValueId> embed_layer_norm(MicrosoftSite& s) {
  const ValueId words = s.op("Gather", {s.in(2), s.in(0)});
  const ValueId positions = s.in(8) ? s.op("Gather", {s.in(3), s.in(8)}) : first_rows(s, s.in(3), s.in(0));
  ValueId sum = s.op("Add", {words, positions});
  if (s.in(1)) sum = s.op("Add", {sum, s.op("Gather", {s.in(4), s.in(1)})});
  const ValueId y = s.op("LayerNormalization", {sum, s.in(5), s.in(6)},
                         {{"axis", int64_t{-1}}, {"epsilon", s.node().get_float("epsilon", 1e-12f)}});
  return {y, s.wants(1) ? valid_counts(s) : ValueId{}, sum};
}

// --- attention

struct Projections {
  ValueId q, k, v;  // [batch, length, heads * size], or all [batch, heads, length, size]
  ValueId past_k, past_v, mask;
};
struct Attended {
  ValueId y, present_k, present_v;
};

Attended attend(MicrosoftSite& s, const Projections& p, bool split_heads) {
  const Node& n = s.node();
  const int64_t heads = n.get_int("num_heads", 1);
  GraphBuilder::Attributes attributes;
  if (!split_heads) attributes = {{"q_num_heads", heads}, {"kv_num_heads", heads}};
  if (n.get_int("unidirectional", 0) != 0) attributes["is_causal"] = int64_t{1};
  if (const float scale = n.get_float("scale", 0); scale != 0) attributes["scale"] = scale;
  std::vector<ValueId> inputs = {p.q, p.k, p.v, p.mask, p.past_k, p.past_v};
  while (!inputs.back()) inputs.pop_back();
  const bool states = s.wants(1) || s.wants(2);
  const auto y = s.ops("Attention", std::move(inputs), states ? 3 : 1, std::move(attributes));
  return {y[0], states ? y[1] : ValueId{}, states ? y[2] : ValueId{}};
}

// The number of keys, past ones included, as a scalar.
ValueId key_count(MicrosoftSite& s, ValueId keys, int64_t length_axis, ValueId past, int64_t past_axis) {
  const auto length = [&](ValueId v, int64_t axis) {
    return s.op("Shape", {v}, {{"start", axis}, {"end", axis + 1}});
  };
  ValueId count = length(keys, length_axis);
  if (past) count = s.op("Add", {count, length(past, past_axis)});
  return s.op("Squeeze", {count, s.ints({0}, "axis")});
}

// 1 at keys that count (any number type) -> 0, and mask_filter_value elsewhere.
ValueId penalties(MicrosoftSite& s, ValueId counted, const std::vector<int64_t>& new_axes) {
  const float filter = s.node().get_float("mask_filter_value", -10000);
  const ValueId kept = s.op("Cast", {counted}, {{"to", kF32Code}});
  const ValueId one = s.constant(Tensor::scalar(1.0f), "one"),
                cost = s.constant(Tensor::scalar(filter), "filter");
  const ValueId added = s.op("Mul", {s.op("Sub", {one, kept}), cost});
  return s.op("Unsqueeze", {added, s.ints(new_axes, "axes")});
}

// One length per sample; with twice as many values, the ends and then the starts.
ValueId between(MicrosoftSite& s, ValueId mask, ValueId count) {
  const SymbolicShape &m = s.g.value(mask).type.shape, &x = s.g.value(s.in(0)).type.shape;
  const Dim values = m ? (*m)[0] : Dim(), batch = x ? (*x)[0] : Dim();
  const auto constant = [&](int64_t value, const char* what) {
    return s.constant(Tensor::scalar(value), what);
  };
  const ValueId keys = s.op("Range", {constant(0, "first"), count, constant(1, "step")});
  const auto column = [&](ValueId v) {
    return s.op("Unsqueeze", {s.op("Cast", {v}, {{"to", kI64Code}}), s.ints({1}, "axis")});
  };
  if (values.known() && batch.known() && values.value == 2 * batch.value) {
    const auto halves = s.ops("Split", {mask}, 2, {{"num_outputs", int64_t{2}}});
    return s.op("And",
                {s.op("Less", {keys, column(halves[0])}), s.op("GreaterOrEqual", {keys, column(halves[1])})});
  }
  if (values.known() && batch.known() && values.value != batch.value)
    s.unsupported("a mask of {} values for {} samples", values.value, batch.value);
  return s.op("Less", {keys, column(mask)});
}

ValueId mask_of(MicrosoftSite& s, size_t mask_input, ValueId count, ValueId bias) {
  ValueId mask;
  if (const ValueId given = s.in(mask_input)) {
    const int rank = s.rank(mask_input);
    if (rank > 3) s.unsupported("a mask of {} dimensions", rank);
    if (rank == 1) mask = penalties(s, between(s, given, count), {1, 2});
    if (rank == 2) mask = penalties(s, given, {1, 2});
    if (rank == 3) mask = penalties(s, given, {1});
  }
  if (mask && bias) return s.op("Add", {mask, bias});
  return mask ? mask : bias;
}

// [2, batch, heads, length, size] holds keys, then values.
std::vector<ValueId> from_packed(MicrosoftSite& s, ValueId packed, ValueId mask_bias, size_t mask_input,
                                 size_t past_input) {
  const Node& n = s.node();
  std::vector<ValueId> split = {packed};
  GraphBuilder::Attributes parts;
  const std::vector<int64_t> sizes = n.get_ints("qkv_hidden_sizes");
  if (sizes.empty())
    parts["num_outputs"] = int64_t{3};
  else
    split.push_back(s.ints(sizes, "sizes"));
  parts["axis"] = int64_t{-1};
  const auto qkv = s.ops("Split", std::move(split), 3, std::move(parts));
  Projections p{qkv[0], qkv[1], qkv[2], {}, {}, {}};
  if (const ValueId past = s.in(past_input)) {
    const auto halves = s.ops("Split", {past}, 2, {{"num_outputs", int64_t{2}}, {"axis", int64_t{0}}});
    p.past_k = s.op("Squeeze", {halves[0], s.ints({0}, "axis")});
    p.past_v = s.op("Squeeze", {halves[1], s.ints({0}, "axis")});
  }
  const bool lengths = s.in(mask_input) && s.rank(mask_input) == 1;
  const ValueId count = lengths ? key_count(s, s.in(0), 1, s.in(past_input), 3) : ValueId{};
  p.mask = mask_of(s, mask_input, count, mask_bias);
  const Attended a = attend(s, p, false);
  if (!s.wants(1)) return {a.y};
  const auto stacked = [&](ValueId v) { return s.op("Unsqueeze", {v, s.ints({0}, "axis")}); };
  return {a.y, s.op("Concat", {stacked(a.present_k), stacked(a.present_v)}, {{"axis", int64_t{0}}})};
}

std::vector<ValueId> attention(MicrosoftSite& s) {
  if (s.in(6)) s.unsupported("past_sequence_length (input 6)");
  const ValueId packed = s.add_if(s.op("MatMul", {s.in(0), s.in(1)}), s.in(2));
  return from_packed(s, packed, s.in(5), 3, 4);
}

std::vector<ValueId> quantized_attention(MicrosoftSite& s) {
  const ValueId packed = code_product(s, {s.in(0), s.in(3), s.in(6), s.in(1), s.in(4), s.in(7), s.in(2)});
  return from_packed(s, packed, {}, 5, 8);
}

// [batch, length, heads * size] <-> [batch, heads, length, size]
ValueId heads_apart(MicrosoftSite& s, ValueId x) {
  const ValueId shape = s.ints({0, 0, s.node().get_int("num_heads", 1), -1}, "heads");
  return s.op("Transpose", {s.op("Reshape", {x, shape})}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
}
ValueId heads_together(MicrosoftSite& s, ValueId x) {
  const ValueId rows = s.op("Transpose", {x}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
  return s.op("Reshape", {rows, s.ints({0, 0, -1}, "rows")});
}

// The bias of queries, keys and values, one behind the other.
void add_biases(MicrosoftSite& s, Projections& p) {
  if (!s.in(3)) return;
  const SymbolicShape& q = s.g.value(p.q).type.shape;
  const SymbolicShape& bias = s.g.value(s.in(3)).type.shape;
  if (!q || !bias || !q->back().known() || !(*bias)[0].known()) s.unsupported("a bias of unknown parts");
  const int64_t width = q->back().value, values = (*bias)[0].value - 2 * width;
  if (values <= 0) s.unsupported("a bias of {} values for queries of {}", (*bias)[0].value, width);
  const auto parts =
      s.ops("Split", {s.in(3), s.ints({width, width, values}, "sizes")}, 3, {{"axis", int64_t{0}}});
  p.q = s.op("Add", {p.q, parts[0]});
  if (s.rank(1) == 3) p.k = s.op("Add", {p.k, parts[1]});
  if (s.rank(2) == 3) p.v = s.op("Add", {p.v, parts[2]});
}

std::vector<ValueId> multi_head_attention(MicrosoftSite& s) {
  if (!s.in(1) || !s.in(2) || s.rank(0) != 3) s.unsupported("packed queries, keys and values");
  if (s.in(8) || s.in(9)) s.unsupported("past_sequence_length and cache_indirection (inputs 8 and 9)");
  const int key_rank = s.rank(1);
  if (key_rank != s.rank(2) || key_rank > 4)
    s.unsupported("keys of {} and values of {} dimensions", key_rank, s.rank(2));
  Projections p{s.in(0), s.in(1), s.in(2), s.in(6), s.in(7), {}};
  add_biases(s, p);
  const bool lengths = s.in(4) && s.rank(4) == 1;
  const ValueId count = lengths ? key_count(s, s.in(1), key_rank == 3 ? 1 : 2, s.in(6), 2) : ValueId{};
  p.mask = mask_of(s, 4, count, s.in(5));
  const bool apart = key_rank == 4;
  if (apart) p.q = heads_apart(s, p.q);
  const Attended a = attend(s, p, apart);
  return {apart ? heads_together(s, a.y) : a.y, a.present_k, a.present_v};
}

}  // namespace

std::span<const MicrosoftEntry> microsoft_transformer_rules() {
  static constexpr MicrosoftEntry kRules[] = {
      {"Attention", attention},
      {"EmbedLayerNormalization", embed_layer_norm},
      {"MultiHeadAttention", multi_head_attention},
      {"QAttention", quantized_attention},
      {"SimplifiedLayerNormalization", rms_norm},
      {"SkipLayerNormalization", skip_layer_norm},
      {"SkipSimplifiedLayerNormalization", skip_rms_norm},
  };
  return kRules;
}

}  // namespace precis::onnx_io
