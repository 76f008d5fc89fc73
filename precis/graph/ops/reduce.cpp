// Reductions over axes (an input since opset 18), and ArgMax / ArgMin over one axis.
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

template <TypeSet kTypes>
void infer_reduce(InferContext& ctx) {
  require_type(ctx, 0, kTypes);
  const bool keep = flag_attr(ctx, "keepdims", true);
  const bool noop = flag_attr(ctx, "noop_with_empty_axes", false);
  const SymbolicShape& x = ctx.shape(0);
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  std::optional<std::vector<int64_t>> given = std::vector<int64_t>{};
  if (ctx.has_input(1)) given = known_ints(ctx, 1, "axes");
  if (!x) return;
  if (!given) {
    if (keep) ctx.outputs[0].shape = unknown_dims(static_cast<int>(x->size()));
    return;
  }
  if (given->empty() && noop) return same_as_input(ctx);
  std::vector<bool> reduced(x->size(), given->empty());
  for (int a : checked_axes(ctx, *given, static_cast<int>(x->size()), "axis"))
    reduced[static_cast<size_t>(a)] = true;
  std::vector<Dim> out;
  for (size_t i = 0; i < x->size(); ++i) {
    if (!reduced[i])
      out.push_back((*x)[i]);
    else if (keep)
      out.emplace_back(1);
  }
  ctx.outputs[0].shape = std::move(out);
}

void infer_arg(InferContext& ctx) {
  require_type(ctx, 0, kNumbers);
  const bool keep = flag_attr(ctx, "keepdims", true);
  flag_attr(ctx, "select_last_index", false);
  SymbolicShape out = ctx.shape(0);
  if (out) {
    ctx.require_rank(0, 1, kMaxRank);
    const int axis = axis_attr(ctx, 0, static_cast<int>(out->size()));
    ctx.require((*out)[static_cast<size_t>(axis)].value != 0, "the input {} has no elements along axis {}",
                shape_str(out), axis);
    if (keep)
      (*out)[static_cast<size_t>(axis)] = 1;
    else
      out->erase(out->begin() + axis);
  }
  set_output(ctx, 0, DType::kI64, std::move(out));
}

}  // namespace

const std::vector<OpDecl>& reduce_ops() {
  static const std::vector<OpDecl> decls = [] {
    constexpr TypeSet kSums = kFloats | types({DType::kI32, DType::kI64, DType::kU32, DType::kU64});
    constexpr TypeSet kExtremes = kNumbers | kBools;
    const std::vector<AttrDecl> attributes = {{"keepdims", AttrKind::kInt},
                                              {"noop_with_empty_axes", AttrKind::kInt}};
    std::vector<OpDecl> all;
    for (const char* name : {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMean",
                             "ReduceProd", "ReduceSum", "ReduceSumSquare"})
      all.push_back({.op = name, .max_inputs = 2, .attributes = attributes, .infer = infer_reduce<kSums>});
    for (const char* name : {"ReduceMax", "ReduceMin"})
      all.push_back(
          {.op = name, .max_inputs = 2, .attributes = attributes, .infer = infer_reduce<kExtremes>});
    for (const char* name : {"ArgMax", "ArgMin"})
      all.push_back({.op = name,
                     .attributes = {{"axis", AttrKind::kInt},
                                    {"keepdims", AttrKind::kInt},
                                    {"select_last_index", AttrKind::kInt}},
                     .infer = infer_arg});
    return all;
  }();
  return decls;
}

}  // namespace precis::ops
