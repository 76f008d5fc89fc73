// What transformers compute between their matrix products, in f32 on our own kernels
// (kernels/simd/transformer.h): normalized rows, attention without a past of its own, rotary embeddings.
#include <cmath>

#include "precis/core/checked.h"
#include "precis/core/isa.h"
#include "precis/kernels/simd/transformer.h"
#include "precis/runtime/attention_geometry.h"
#include "precis/runtime/codes.h"
#include "precis/runtime/lower_float.h"

namespace precis::runtime {
namespace {

namespace simd = kernels::simd;
namespace ref = kernels::reference;

constexpr int64_t kNormalizedPerRange = 4096;  // elements below which a range of rows is not cut

const float* floats(std::span<std::byte* const> buffers, BufferId id) {
  return id < 0 ? nullptr : reinterpret_cast<const float*>(at(buffers, id));
}
float* results(std::span<std::byte* const> buffers, BufferId id) {
  return reinterpret_cast<float*>(at(buffers, id));
}

// Nothing but the first result is asked for.
bool gives_one_result(const PlanBuilder& b, const FusedOp& op) {
  for (size_t i = 1; i < op.outputs.size(); ++i)
    if (op.outputs[i] && b.is_seen(op.outputs[i])) return false;
  return is_float(b, op.outputs[0]);
}

}  // namespace

bool lower_row_norm(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const auto* kernels = simd::transformer_kernels_for(current_isa());
  const ValueId x = main.inputs[0], scale = main.input(1), bias = main.input(2);
  if (kernels == nullptr || !is_float(b, x) || !is_float(b, scale) || (bias && !is_float(b, bias)))
    return false;
  if (!gives_one_result(b, op)) return false;
  const Shape shape = b.shape(x);
  const int axis = normalize_axis(main.get_int("axis", -1), shape.rank(), main.op.c_str());
  simd::NormalizeParams p;
  p.n = shape.inner(axis);
  p.epsilon = main.get_float("epsilon", 1e-5f);
  p.centred = main.is("LayerNormalization");
  const auto one_a_row = [&](ValueId v) { return !v || b.shape(v).numel() == p.n; };
  if (p.n == 0 || !one_a_row(scale) || !one_a_row(bias)) return false;
  const int64_t rows = shape.outer(axis);
  const int64_t range = std::max(range_length(rows, b.threads()), ceil_div(kNormalizedPerRange, p.n));
  const BufferId in = b.read(x, Layout::kPlain), s = b.read(scale, Layout::kPlain),
                 t = bias ? b.read(bias, Layout::kPlain) : -1, out = b.write(op.outputs[0], Layout::kPlain);
  b.may_share(in, out);
  std::vector<BufferId> touched = {in, s, out};
  if (bias) touched.push_back(t);
  emit_call(b, op, "normalized rows", {x}, Layout::kPlain, touched, [=](std::span<std::byte* const> buffers) {
    simd::NormalizeParams bound = p;
    bound.scale = floats(buffers, s);
    bound.bias = floats(buffers, t);
    const float* from = floats(buffers, in);
    float* to = results(buffers, out);
    run_chunks(rows, range, [&](int64_t begin, int64_t end) {
      kernels->normalize(bound, end - begin, from + begin * p.n, to + begin * p.n);
    });
  });
  return true;
}

namespace {

// The heads of keys of all samples, each with its rows of queries cut into `parts`.
struct AttentionWork {
  int64_t heads = 0, rows = 0, parts = 1, length = 0;  // rows and their share of one part
  int64_t scratch = 0;                                 // floats of one part
};

AttentionWork cut(const ref::AttentionParams& p, const simd::TransformerKernels& kernels,
                  const simd::AttentionCall& call, int threads) {
  AttentionWork w;
  w.heads = checked_mul(p.batch, p.kv_heads);
  w.rows = checked_mul(p.q_heads / p.kv_heads, p.queries);
  const int64_t wanted = threads > 1 ? ceil_div(2 * int64_t{threads}, w.heads) : 1;
  w.length = round_up(ceil_div(w.rows, wanted), kernels.rows_at_once);
  w.parts = ceil_div(w.rows, w.length);
  w.scratch = kernels.attention_scratch(call);
  return w;
}

simd::AttentionCall call_of(const ref::AttentionParams& p) {
  simd::AttentionCall c;
  c.q_heads = p.q_heads, c.kv_heads = p.kv_heads, c.queries = p.queries, c.keys = p.keys;
  c.size = p.size, c.v_size = p.v_size;
  c.q = p.q, c.k = p.k, c.v = p.v, c.y = p.y, c.mask = p.mask;
  c.scale = static_cast<float>(p.scale), c.softcap = static_cast<float>(p.softcap);
  c.past = p.past, c.mask_keys = p.mask_keys;
  return c;
}

// The mask as numbers to add, in a buffer; -1 when it has another type than float or bool.
BufferId mask_buffer(PlanBuilder& b, const FusedOp& op, ValueId mask) {
  if (is_float(b, mask)) return b.read(mask, Layout::kPlain);
  if (b.type(mask).dtype != DType::kBool) return -1;
  const int64_t n = b.shape(mask).numel();
  const BufferId from = b.read(mask, Layout::kPlain), to = b.scratch(checked_mul(n, int64_t{sizeof(float)}));
  emit_call(b, op, "mask as numbers", {mask}, Layout::kPlain, {from, to},
            [=](std::span<std::byte* const> buffers) {
              const auto* flags = reinterpret_cast<const uint8_t*>(at(buffers, from));
              for (int64_t i = 0; i < n; ++i) results(buffers, to)[i] = flags[i] != 0 ? 0.0f : -INFINITY;
            });
  return to;
}

ValueId output(const FusedOp& op, size_t i) { return i < op.outputs.size() ? op.outputs[i] : ValueId{}; }

// Floats, no counts of keys, no scores for others to see.
bool takes_attention(const PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  for (size_t i : {0, 1, 2, 4, 5})
    if (main.input(i) && !is_float(b, main.inputs[i])) return false;
  for (size_t i : {0, 1, 2})
    if (output(op, i) && !is_float(b, output(op, i))) return false;
  const ValueId scores = output(op, 3);
  return !main.input(6) && !(scores && b.is_seen(scores)) && main.get_int("softmax_precision", 1) == 1;
}

// Rows of each head, with those of the past before them where there is one: as they lie, or copied together
// when there is a past or somebody reads the whole.
struct HeadRows {
  BufferId buffer = -1;
  ref::HeadStrides strides;
};

HeadRows rows_of_heads(PlanBuilder& b, const FusedOp& op, size_t input, const Heads& h) {
  const Node& main = b.node(op);
  const ValueId past = main.input(input + 3), whole = output(op, input);
  const BufferId own = b.read(main.inputs[input], Layout::kPlain);
  const bool seen = whole && b.is_seen(whole);
  if (!past && !seen) return {own, h.strides};
  const int64_t before = past ? b.shape(past)[2] : 0, total = checked_add(before, h.length);
  const int64_t heads = checked_mul(h.batch, h.heads), head = checked_mul(total, h.size);
  const BufferId old = past ? b.read(past, Layout::kPlain) : -1;
  const BufferId to = seen ? b.write(whole, Layout::kPlain)
                           : b.scratch(checked_mul(checked_mul(heads, head), int64_t{sizeof(float)}));
  std::vector<BufferId> touched = {own, to};
  if (past) touched.push_back(old);
  emit_call(b, op, "joined heads", {main.inputs[input]}, Layout::kPlain, touched,
            [=](std::span<std::byte* const> buffers) {
              run_chunks(heads, 1, [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                  float* y = results(buffers, to) + i * head;
                  if (before > 0)
                    y = std::copy_n(floats(buffers, old) + i * before * h.size, before * h.size, y);
                  const float* x =
                      floats(buffers, own) + i / h.heads * h.strides.batch + i % h.heads * h.strides.head;
                  for (int64_t row = 0; row < h.length; ++row, x += h.strides.row)
                    y = std::copy_n(x, h.size, y);
                }
              });
            });
  return {to, {checked_mul(h.heads, head), head, h.size}};
}

}  // namespace

bool lower_attention(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const auto* kernels = simd::transformer_kernels_for(current_isa());
  if (kernels == nullptr || !takes_attention(b, op)) return false;
  const Heads q = heads_of(main, b.shape(main.inputs[0]), "q_num_heads"),
              k = heads_of(main, b.shape(main.inputs[1]), "kv_num_heads"),
              v = heads_of(main, b.shape(main.inputs[2]), "kv_num_heads");
  ref::AttentionParams p =
      attention_params(main, q, k, v, main.input(4) ? b.shape(main.inputs[4])[2] : int64_t{-1});
  p.y = heads_of(main, b.shape(op.outputs[0]), "q_num_heads").strides;
  const ValueId mask = main.input(3);
  if (mask) set_mask(main, b.shape(mask), p);
  const BufferId added = mask ? mask_buffer(b, op, mask) : -1;
  if (mask && added < 0) return false;
  const HeadRows keys = rows_of_heads(b, op, 1, k), values = rows_of_heads(b, op, 2, v);
  p.k = keys.strides, p.v = values.strides;
  const simd::AttentionCall call = call_of(p);
  const AttentionWork work = cut(p, *kernels, call, b.threads());
  const int64_t items = checked_mul(work.heads, work.parts);
  const BufferId qs = b.read(main.inputs[0], Layout::kPlain), ks = keys.buffer, vs = values.buffer;
  std::vector<BufferId> touched = {qs, ks, vs};
  const BufferId scratch = b.scratch(checked_mul(checked_mul(items, work.scratch), int64_t{sizeof(float)}));
  const BufferId out = b.write(op.outputs[0], Layout::kPlain);
  touched.insert(touched.end(), {scratch, out});
  if (mask) touched.push_back(added);
  emit_call(b, op, "attention", {main.inputs[0], main.inputs[1], main.inputs[2]}, Layout::kPlain, touched,
            [=](std::span<std::byte* const> buffers) {
              const simd::AttentionData data{floats(buffers, qs), floats(buffers, ks), floats(buffers, vs),
                                             floats(buffers, added), results(buffers, out)};
              run_chunks(items, 1, [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                  const int64_t head = i / work.parts, first = i % work.parts * work.length;
                  kernels->attend(call, data, head / call.kv_heads, head % call.kv_heads, first,
                                  std::min(first + work.length, work.rows),
                                  results(buffers, scratch) + i * work.scratch);
                }
              });
            });
  return true;
}

bool lower_rotary(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  for (size_t i : {0, 1, 2})
    if (!is_float(b, main.inputs[i])) return false;
  if (!is_float(b, op.outputs[0])) return false;
  const ValueId ids = main.input(3);
  const Shape table = b.shape(main.inputs[1]);
  const ref::RotaryParams p =
      rotary_params(main, b.shape(main.inputs[0]), table, b.shape(main.inputs[2]), static_cast<bool>(ids));
  const int64_t items = checked_mul(p.batch, p.length), range = range_length(items, b.threads());
  const BufferId x = b.read(main.inputs[0], Layout::kPlain), c = b.read(main.inputs[1], Layout::kPlain),
                 s = b.read(main.inputs[2], Layout::kPlain), n = ids ? b.read(ids, Layout::kPlain) : -1,
                 y = b.write(op.outputs[0], Layout::kPlain);
  std::vector<BufferId> touched = {x, c, s, y};
  if (ids) touched.push_back(n);
  emit_call(b, op, "rotary", {main.inputs[0]}, Layout::kPlain, touched,
            [=, graph = &b.graph(), id = op.node](std::span<std::byte* const> buffers) {
              const auto* positions = n < 0 ? nullptr : reinterpret_cast<const int64_t*>(at(buffers, n));
              if (positions) require_positions(graph->node(id), positions, items, table[0]);
              ref::RotaryParams one = p;
              one.batch = one.length = 1;
              run_chunks(items, range, [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                  const int64_t sample = i / p.length, t = i % p.length;
                  const int64_t row =
                      (positions ? positions[i] : t) * (p.rotated / 2) + sample * p.angle_batch;
                  const int64_t from = sample * p.x.batch + t * p.x.row;
                  ref::rotary_embedding(one, floats(buffers, x) + from, floats(buffers, c) + row,
                                        floats(buffers, s) + row, results(buffers, y) + from);
                }
              });
            });
  return true;
}

}  // namespace precis::runtime
