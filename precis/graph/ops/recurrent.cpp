// Recurrent networks: RNN, GRU, LSTM (ONNX opset 22).
// Shapes, for S steps, B samples, D directions, H hidden units and G gates: x [S, B, I], W [D, G*H, I],
// R [D, G*H, H], B [D, 2*G*H], sequence_lens [B], initial_h [D, B, H], initial_c [D, B, H], P [D, 3*H];
// Y [S, D, B, H], Y_h [D, B, H], Y_c [D, B, H]. With layout = 1 the batch comes first in x, Y and all states.
#include "precis/graph/recurrent.h"

#include "precis/core/checked.h"
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

Dim times(const InferContext& ctx, const Dim& d, int64_t factor) {
  return d.known() ? Dim(checked_times(ctx, d.value, factor)) : Dim();
}

// H: the attribute, or what the recurrent weights say.
Dim hidden_units(const InferContext& ctx, const RecurrentSpec& spec) {
  ctx.require_rank(1, 3, 3);
  ctx.require_rank(2, 3, 3);
  if (spec.hidden >= 0) return spec.hidden;
  if (const Dim h = dim_at(ctx.shape(2), 2); h.known()) return h;
  const Dim rows = dim_at(ctx.shape(1), 1);
  return rows.known() && rows.value % spec.gates == 0 ? Dim(rows.value / spec.gates) : Dim();
}

void require_types(const InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  for (const size_t i : {1, 2, 3, 5, 6, 7})
    if (ctx.has_input(i)) require_same_type(ctx, 0, i);
  if (ctx.has_input(4)) require_type(ctx, 4, types({DType::kI32}));
}

void require_lengths(const InferContext& ctx, const Dim& steps, const Dim& batch) {
  if (!ctx.has_input(4)) return;
  require_vector(ctx, 4, batch, "sequence_lens");
  const Tensor* lengths = ctx.constant(4);
  for (int64_t i = 0; lengths && i < lengths->numel(); ++i)
    ctx.require(lengths->at_int(i) >= 0 && (!steps.known() || lengths->at_int(i) <= steps.value),
                "sequence_lens (input 4) holds {}, expected 0 to the {} steps of the input",
                lengths->at_int(i), steps.str());
}

void infer_recurrent(InferContext& ctx) {
  require_types(ctx);
  const RecurrentSpec spec = read_recurrent(ctx.node(), ctx.where());
  ctx.require_rank(0, 3, 3);
  const Dim h = hidden_units(ctx, spec), rows = times(ctx, h, spec.gates), d = spec.directions();
  const Dim steps = dim_at(ctx.shape(0), spec.batch_first ? 1 : 0),
            batch = dim_at(ctx.shape(0), spec.batch_first ? 0 : 1);
  require_dims(ctx, 1, {d, rows, dim_at(ctx.shape(0), 2)}, "W");
  require_dims(ctx, 2, {d, rows, h}, "R");
  require_dims(ctx, 3, {d, times(ctx, rows, 2)}, "B");
  require_lengths(ctx, steps, batch);
  const std::vector<Dim> state =
      spec.batch_first ? std::vector<Dim>{batch, d, h} : std::vector<Dim>{d, batch, h};
  require_dims(ctx, 5, state, "initial_h");
  require_dims(ctx, 6, state, "initial_c");
  require_dims(ctx, 7, {d, times(ctx, h, 3)}, "P");

  set_output(ctx, 0, ctx.dtype(0),
             spec.batch_first ? std::vector<Dim>{batch, steps, d, h} : std::vector<Dim>{steps, d, batch, h});
  for (size_t i = 1; i < ctx.num_outputs(); ++i) set_output(ctx, i, ctx.dtype(0), state);
}

// The two products of every step; gates and activations are not multiplications of matrices.
int64_t recurrent_macs(const Node&, std::span<const Shape> in, std::span<const Shape>) {
  const int64_t steps = checked_mul(in[0][0], in[0][1]);
  return checked_mul(steps, checked_add(in[1].numel(), in[2].numel()));
}

std::vector<AttrDecl> attributes(std::initializer_list<AttrDecl> more) {
  std::vector<AttrDecl> all = {{"activation_alpha", AttrKind::kFloats},
                               {"activation_beta", AttrKind::kFloats},
                               {"activations", AttrKind::kStrings},
                               {"clip", AttrKind::kFloat},
                               {"direction", AttrKind::kString},
                               {"hidden_size", AttrKind::kInt},
                               {"layout", AttrKind::kInt}};
  all.insert(all.end(), more);
  return all;
}

OpDecl recurrent(const char* op, int inputs, int outputs, std::initializer_list<AttrDecl> more) {
  return {.op = op,
          .min_inputs = 3,
          .max_inputs = inputs,
          .min_outputs = 0,
          .max_outputs = outputs,
          .attributes = attributes(more),
          .infer = infer_recurrent,
          .macs = recurrent_macs};
}

}  // namespace

const std::vector<OpDecl>& recurrent_ops() {
  static const std::vector<OpDecl> decls = {
      recurrent("GRU", 6, 2, {{"linear_before_reset", AttrKind::kInt}}),
      recurrent("LSTM", 8, 3, {{"input_forget", AttrKind::kInt}}),
      recurrent("RNN", 6, 2, {}),
  };
  return decls;
}

}  // namespace precis::ops
