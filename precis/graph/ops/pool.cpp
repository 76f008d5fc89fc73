// Pools: MaxPool, AveragePool, LpPool, their global forms, MaxUnpool.
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/window_infer.h"

namespace precis::ops {
namespace {

SymbolicShape pooled_shape(const InferContext& ctx) {
  const std::optional<int> spatial = spatial_axes(ctx, {0});
  if (!spatial) return std::nullopt;
  const WindowSpec spec = read_window(ctx.node(), *spatial, {}, ctx.where());
  return windowed_shape(ctx, spec, ctx.shape(0), (*ctx.shape(0))[1], window_axis);
}

void infer_max_pool(InferContext& ctx) {
  require_type(ctx, 0, kFloats | kBytes);
  int_attr(ctx, "storage_order", 0, 0, 1);
  const SymbolicShape y = pooled_shape(ctx);
  set_output(ctx, 0, ctx.dtype(0), y);
  set_output(ctx, 1, DType::kI64, y);
}

void infer_average_pool(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  flag_attr(ctx, "count_include_pad", false);
  set_output(ctx, 0, ctx.dtype(0), pooled_shape(ctx));
}

void infer_lp_pool(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  int_attr(ctx, "p", 2, 1, INT64_MAX);
  set_output(ctx, 0, ctx.dtype(0), pooled_shape(ctx));
}

void infer_global_pool(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  int_attr(ctx, "p", 2, 1, INT64_MAX);
  spatial_axes(ctx, {0});
  SymbolicShape y = ctx.shape(0);
  if (y)
    for (size_t i = 2; i < y->size(); ++i) {
      ctx.require((*y)[i].value != 0, "the input {} has no elements to pool along dimension {}",
                  shape_str(ctx.shape(0)), i);
      (*y)[i] = 1;
    }
  set_output(ctx, 0, ctx.dtype(0), std::move(y));
}

// Undoes MaxPool: each length is what the pool would have read, unless output_shape says otherwise.
void infer_max_unpool(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  require_type(ctx, 1, types({DType::kI64}));
  const std::optional<int> spatial = spatial_axes(ctx, {0, 1});
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  if (!spatial) return;
  const WindowSpec spec = read_window(ctx.node(), *spatial, {}, ctx.where());
  if (ctx.has_input(2)) {
    const auto lengths = known_ints(ctx, 2, "output_shape");
    ctx.outputs[0].shape = unknown_dims(*spatial + 2);
    if (!lengths) return;
    ctx.require(static_cast<int>(lengths->size()) == *spatial + 2,
                "output_shape (input 2) has {} values, expected {}", lengths->size(), *spatial + 2);
    for (size_t i = 0; i < lengths->size(); ++i) {
      ctx.require((*lengths)[i] >= 0, "output_shape (input 2) holds {}, expected at least 0", (*lengths)[i]);
      (*ctx.outputs[0].shape)[i] = (*lengths)[i];
    }
    return;
  }
  const SymbolicShape& x = ctx.shape(0);
  ctx.outputs[0].shape = windowed_shape(ctx, spec, x, x ? (*x)[1] : Dim(), transposed_window_axis);
}

std::vector<AttrDecl> pool_attributes(std::initializer_list<const char*> ints) {
  std::vector<AttrDecl> a = {{"auto_pad", AttrKind::kString}, {"ceil_mode", AttrKind::kInt},
                             {"dilations", AttrKind::kInts},  {"kernel_shape", AttrKind::kInts, true},
                             {"pads", AttrKind::kInts},       {"strides", AttrKind::kInts}};
  for (const char* name : ints) a.push_back({name, AttrKind::kInt});
  return a;
}

}  // namespace

const std::vector<OpDecl>& pool_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "MaxPool",
       .max_outputs = 2,
       .attributes = pool_attributes({"storage_order"}),
       .infer = infer_max_pool,
       .moves_data = true},
      {.op = "AveragePool",
       .attributes = pool_attributes({"count_include_pad"}),
       .infer = infer_average_pool},
      {.op = "LpPool", .attributes = pool_attributes({"p"}), .infer = infer_lp_pool},
      {.op = "GlobalMaxPool", .infer = infer_global_pool, .moves_data = true},
      {.op = "GlobalAveragePool", .infer = infer_global_pool},
      {.op = "GlobalLpPool", .attributes = {{"p", AttrKind::kInt}}, .infer = infer_global_pool},
      {.op = "MaxUnpool",
       .min_inputs = 2,
       .max_inputs = 3,
       .attributes = {{"kernel_shape", AttrKind::kInts, true},
                      {"pads", AttrKind::kInts},
                      {"strides", AttrKind::kInts}},
       .infer = infer_max_unpool},
  };
  return decls;
}

}  // namespace precis::ops
