// Sums of products and determinants: Einsum, Det.
#include <algorithm>
#include <map>

#include "precis/graph/einsum.h"
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

void infer_einsum(InferContext& ctx) {
  std::vector<int> ranks;
  for (size_t i = 0; i < ctx.num_inputs(); ++i) {
    require_type(ctx, i, kNumbers);
    require_same_type(ctx, 0, i);
    if (const auto rank = ctx.rank(i)) ranks.push_back(*rank);
  }
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  if (ranks.size() != ctx.num_inputs()) return;
  const EinsumLabels labels = parse_einsum(ctx.node().get_string("equation", ""), ranks, ctx.where());
  std::map<int, Dim> length;
  for (size_t i = 0; i < labels.inputs.size(); ++i)
    for (size_t d = 0; d < labels.inputs[i].size(); ++d) {
      const int label = labels.inputs[i][d];
      const Dim dim = (*ctx.shape(i))[d];
      const auto [at, first] = length.emplace(label, dim);
      if (first) continue;
      const bool broadcasts = label >= EinsumLabels::kFirstOfEllipsis;
      at->second = broadcasts ? (*broadcast(ctx, std::vector<Dim>{at->second}, std::vector<Dim>{dim}))[0]
                              : equal_dims(ctx, at->second, dim, "a dimension with one label");
    }
  std::vector<Dim> out;
  for (int label : labels.output) out.push_back(length[label]);
  ctx.outputs[0].shape = std::move(out);
}

int64_t einsum_macs(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  std::vector<int> ranks;
  for (const Shape& s : inputs) ranks.push_back(s.rank());
  const EinsumLabels labels = parse_einsum(node.get_string("equation", ""), ranks, describe(node));
  std::map<int, int64_t> length;
  for (size_t i = 0; i < labels.inputs.size(); ++i)
    for (size_t d = 0; d < labels.inputs[i].size(); ++d) {
      int64_t& n = length[labels.inputs[i][d]];
      n = std::max(n, inputs[i][static_cast<int>(d)]);
    }
  int64_t macs = inputs.size() > 1 ? 1 : 0;
  for (const auto& [label, n] : length) macs = checked_mul(macs, n);
  return macs;
}

void infer_det(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  ctx.require_rank(0, 2, kMaxRank);
  SymbolicShape s = ctx.shape(0);
  if (s) {
    equal_dims(ctx, (*s)[s->size() - 1], (*s)[s->size() - 2], "the side of the matrices");
    s->resize(s->size() - 2);
  }
  set_output(ctx, 0, ctx.dtype(0), std::move(s));
}

}  // namespace

const std::vector<OpDecl>& contract_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "Einsum",
       .max_inputs = -1,
       .attributes = {{"equation", AttrKind::kString, true}},
       .infer = infer_einsum,
       .macs = einsum_macs},
      {.op = "Det", .infer = infer_det},
  };
  return decls;
}

}  // namespace precis::ops
