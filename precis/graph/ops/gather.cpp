// Gathering and scattering by index: Gather, GatherElements, GatherND, ScatterElements, ScatterND.
#include <algorithm>

#include "precis/graph/ops/families.h"
#include "precis/graph/ops/fold.h"

namespace precis::ops {
namespace {

// Constant indices must lie in [-length, length).
void require_indices(const InferContext& ctx, size_t input, const Dim& length) {
  const Tensor* t = ctx.constant(input);
  if (t == nullptr || !length.known() || !is_integer(t->dtype())) return;
  for (int64_t i = 0; i < t->numel(); ++i) {
    const int64_t v = t->at_int(i);
    ctx.require(v >= -length.value && v < length.value, "indices (input {}) hold {} at {}, expected {} to {}",
                input, v, i, -length.value, length.value - 1);
  }
}

void infer_gather(InferContext& ctx) {
  require_type(ctx, 1, kIndices);
  ctx.require_rank(0, 1, kMaxRank);
  const SymbolicShape &x = ctx.shape(0), &indices = ctx.shape(1);
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  if (!x) return;
  const auto axis = axis_attr(ctx, 0, static_cast<int>(x->size()));
  require_indices(ctx, 1, (*x)[static_cast<size_t>(axis)]);
  if (!indices) return;
  std::vector<Dim> out(x->begin(), x->begin() + axis);
  out.insert(out.end(), indices->begin(), indices->end());
  out.insert(out.end(), x->begin() + axis + 1, x->end());
  ctx.outputs[0].shape = std::move(out);
}

void infer_gather_elements(InferContext& ctx) {
  require_type(ctx, 1, kIndices);
  ctx.require_rank(0, 1, kMaxRank);
  if (const auto rank = ctx.rank(0)) {
    ctx.require_rank(1, *rank, *rank);
    const int axis = axis_attr(ctx, 0, *rank);
    require_indices(ctx, 1, (*ctx.shape(0))[static_cast<size_t>(axis)]);
  }
  set_output(ctx, 0, ctx.dtype(0), ctx.shape(1));
}

// The number of dimensions that one index vector addresses: the last dimension of indices, checked against
// the data.
std::optional<int> index_depth(const InferContext& ctx, int batch) {
  const SymbolicShape &x = ctx.shape(0), &indices = ctx.shape(1);
  if (!x || !indices || !indices->back().known()) return std::nullopt;
  const int64_t depth = indices->back().value;
  const int64_t available = static_cast<int64_t>(x->size()) - batch;
  ctx.require(depth >= 1 && depth <= available,
              "indices (input 1) of shape {} address {} dimensions, but the data {} has {}",
              shape_str(indices), depth, shape_str(x), available);
  return static_cast<int>(depth);
}

void infer_gather_nd(InferContext& ctx) {
  require_type(ctx, 1, types({DType::kI64}));
  ctx.require_rank(0, 1, kMaxRank);
  ctx.require_rank(1, 1, kMaxRank);
  const SymbolicShape &x = ctx.shape(0), &indices = ctx.shape(1);
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  const int most = x && indices ? static_cast<int>(std::min(x->size(), indices->size())) - 1 : kMaxRank;
  const auto batch = static_cast<int>(int_attr(ctx, "batch_dims", 0, 0, most));
  const auto depth = index_depth(ctx, batch);
  if (!depth) return;
  std::vector<Dim> out(indices->begin(), indices->end() - 1);
  for (int i = 0; i < batch; ++i)
    out[static_cast<size_t>(i)] =
        equal_dims(ctx, (*x)[static_cast<size_t>(i)], (*indices)[static_cast<size_t>(i)],
                   "a batch dimension of data and indices");
  out.insert(out.end(), x->begin() + batch + *depth, x->end());
  ctx.outputs[0].shape = std::move(out);
}

void infer_scatter_elements(InferContext& ctx) {
  require_type(ctx, 1, kIndices);
  require_same_type(ctx, 0, 2);
  choice_attr(ctx, "reduction", "none", {"none", "add", "mul", "max", "min"});
  ctx.require_rank(0, 1, kMaxRank);
  if (const auto rank = ctx.rank(0)) {
    ctx.require_rank(1, *rank, *rank);
    const int axis = axis_attr(ctx, 0, *rank);
    require_indices(ctx, 1, (*ctx.shape(0))[static_cast<size_t>(axis)]);
  }
  const SymbolicShape &indices = ctx.shape(1), &updates = ctx.shape(2);
  if (fully_known(indices) && fully_known(updates))
    ctx.require(*indices == *updates, "indices have shape {} and updates {}, expected the same",
                shape_str(indices), shape_str(updates));
  same_as_input(ctx);
}

void infer_scatter_nd(InferContext& ctx) {
  require_type(ctx, 1, types({DType::kI64}));
  require_same_type(ctx, 0, 2);
  choice_attr(ctx, "reduction", "none", {"none", "add", "mul", "max", "min"});
  ctx.require_rank(0, 1, kMaxRank);
  ctx.require_rank(1, 1, kMaxRank);
  const auto depth = index_depth(ctx, 0);
  const SymbolicShape &x = ctx.shape(0), &indices = ctx.shape(1), &updates = ctx.shape(2);
  if (depth && updates) {
    SymbolicShape expected = std::vector<Dim>(indices->begin(), indices->end() - 1);
    expected->insert(expected->end(), x->begin() + *depth, x->end());
    if (fully_known(expected) && fully_known(updates))
      ctx.require(*expected == *updates, "updates have shape {}, expected {}", shape_str(updates),
                  shape_str(expected));
  }
  same_as_input(ctx);
}

// past and update differ along `axis` only, where update is no longer.
void infer_tensor_scatter(InferContext& ctx) {
  require_same_type(ctx, 0, 1);
  choice_attr(ctx, "mode", "linear", {"linear", "circular"});
  ctx.require_rank(0, 2, kMaxRank);
  same_as_input(ctx);
  const SymbolicShape &past = ctx.shape(0), &update = ctx.shape(1);
  if (!past) return;
  const auto rank = static_cast<int>(past->size());
  const auto axis = static_cast<size_t>(axis_attr(ctx, -2, rank));
  ctx.require(axis != 0, "attribute 'axis' is 0, the batch");
  ctx.require_rank(1, rank, rank);
  for (size_t i = 0; update && i < past->size(); ++i) {
    if (i != axis) equal_dims(ctx, (*past)[i], (*update)[i], "a dimension of past and update");
    const Dim &most = (*past)[axis], &length = (*update)[axis];
    ctx.require(!most.known() || !length.known() || length.value <= most.value,
                "update (input 1) has length {}, more than the {} of past", length.value, most.value);
  }
  if (!ctx.has_input(2)) return;
  require_type(ctx, 2, types({DType::kI64}));
  require_vector(ctx, 2, (*past)[0], "write_indices");
}

}  // namespace

const std::vector<OpDecl>& gather_ops() {
  static const std::vector<AttrDecl> scatter_attributes = {{"axis", AttrKind::kInt},
                                                           {"reduction", AttrKind::kString}};
  static const std::vector<OpDecl> decls = {
      {.op = "Gather",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"axis", AttrKind::kInt}},
       .infer = infer_gather,
       .moves_data = true,
       .fold = fold_gather},
      {.op = "GatherElements",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"axis", AttrKind::kInt}},
       .infer = infer_gather_elements,
       .moves_data = true},
      {.op = "GatherND",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"batch_dims", AttrKind::kInt}},
       .infer = infer_gather_nd,
       .moves_data = true},
      {.op = "ScatterElements",
       .min_inputs = 3,
       .max_inputs = 3,
       .attributes = scatter_attributes,
       .infer = infer_scatter_elements},
      {.op = "TensorScatter",
       .min_inputs = 2,
       .max_inputs = 3,
       .attributes = {{"axis", AttrKind::kInt}, {"mode", AttrKind::kString}},
       .infer = infer_tensor_scatter},
      {.op = "ScatterND",
       .min_inputs = 3,
       .max_inputs = 3,
       .attributes = {{"reduction", AttrKind::kString}},
       .infer = infer_scatter_nd},
  };
  return decls;
}

}  // namespace precis::ops
