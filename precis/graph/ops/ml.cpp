// Classical models (domain ai.onnx.ml) on tensors of numbers: ArrayFeatureExtractor, Binarizer, TreeEnsemble.
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

// Columns of x [..., features] by index; a vector counts as one row.
void infer_array_feature_extractor(InferContext& ctx) {
  require_type(ctx, 0, kNumbers);
  require_type(ctx, 1, types({DType::kI64}));
  ctx.require_rank(0, 1, kMaxRank);
  const SymbolicShape &x = ctx.shape(0), &indices = ctx.shape(1);
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  if (!x) return;
  std::vector<Dim> y(x->begin(), x->end());
  if (y.size() == 1) y.insert(y.begin(), Dim(1));
  y.back() = indices ? product(ctx, *indices) : Dim();
  ctx.outputs[0].shape = std::move(y);
}

void infer_binarizer(InferContext& ctx) {
  require_type(ctx, 0, kNumbers);
  finite_attr(ctx, "threshold", 0);
  same_as_input(ctx);
}

const Tensor* tensor_attr(const InferContext& ctx, const char* name) {
  const Attribute* a = ctx.node().find(name);
  return a == nullptr ? nullptr : std::get_if<Tensor>(a);
}

void require_length(const InferContext& ctx, const char* name, size_t length, size_t expected) {
  ctx.require(length == expected, "attribute '{}' has {} values, expected {}", name, length, expected);
}

// References to nodes or, where the flag of the branch is set, to leaves.
void require_branches(const InferContext& ctx, const char* ids, const char* flags, size_t nodes,
                      size_t leaves) {
  const auto to = ctx.node().get_ints(ids), leaf = ctx.node().get_ints(flags);
  require_length(ctx, ids, to.size(), nodes);
  require_length(ctx, flags, leaf.size(), nodes);
  for (size_t i = 0; i < nodes; ++i) {
    const auto count = static_cast<int64_t>(leaf[i] != 0 ? leaves : nodes);
    ctx.require(to[i] >= 0 && to[i] < count, "attribute '{}' holds {}, expected 0 to {}", ids, to[i],
                count - 1);
  }
}

void require_ids(const InferContext& ctx, const char* name, int64_t count) {
  for (int64_t v : ctx.node().get_ints(name))
    ctx.require(v >= 0 && v < count, "attribute '{}' holds {}, expected 0 to {}", name, v, count - 1);
}

void infer_tree_ensemble(InferContext& ctx) {
  require_type(ctx, 0, types({DType::kF32, DType::kF64, DType::kF16}));
  ctx.require_rank(0, 2, 2);
  int_attr(ctx, "aggregate_function", 1, 0, 3);
  int_attr(ctx, "post_transform", 0, 0, 4);
  const int64_t targets = int_attr(ctx, "n_targets", 1, 1, INT32_MAX);
  const SymbolicShape& x = ctx.shape(0);
  set_output(ctx, 0, ctx.dtype(0), std::vector<Dim>{x ? (*x)[0] : Dim(), Dim(targets)});
  const Tensor *splits = tensor_attr(ctx, "nodes_splits"), *modes = tensor_attr(ctx, "nodes_modes"),
               *weights = tensor_attr(ctx, "leaf_weights");
  if (!splits || !modes || !weights) return;  // the schema check says which is missing
  const auto nodes = static_cast<size_t>(splits->numel()), leaves = static_cast<size_t>(weights->numel());
  require_length(ctx, "nodes_modes", static_cast<size_t>(modes->numel()), nodes);
  for (int64_t i = 0; i < modes->numel(); ++i)
    ctx.require(modes->at_int(i) >= 0 && modes->at_int(i) <= 6,
                "attribute 'nodes_modes' holds {}, expected 0 to 6", modes->at_int(i));
  require_branches(ctx, "nodes_truenodeids", "nodes_trueleafs", nodes, leaves);
  require_branches(ctx, "nodes_falsenodeids", "nodes_falseleafs", nodes, leaves);
  require_length(ctx, "nodes_featureids", ctx.node().get_ints("nodes_featureids").size(), nodes);
  require_ids(ctx, "nodes_featureids", x && (*x)[1].known() ? (*x)[1].value : INT32_MAX);
  require_length(ctx, "leaf_targetids", ctx.node().get_ints("leaf_targetids").size(), leaves);
  require_ids(ctx, "leaf_targetids", targets);
  require_ids(ctx, "tree_roots", static_cast<int64_t>(nodes));
  if (ctx.node().has("nodes_missing_value_tracks_true"))
    require_length(ctx, "nodes_missing_value_tracks_true",
                   ctx.node().get_ints("nodes_missing_value_tracks_true").size(), nodes);
}

}  // namespace

const std::vector<OpDecl>& ml_ops() {
  static const std::vector<OpDecl> decls = {
      {.domain = "ai.onnx.ml",
       .op = "ArrayFeatureExtractor",
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_array_feature_extractor},
      {.domain = "ai.onnx.ml",
       .op = "Binarizer",
       .attributes = {{"threshold", AttrKind::kFloat}},
       .infer = infer_binarizer},
      {.domain = "ai.onnx.ml",
       .op = "TreeEnsemble",
       .attributes = {{"aggregate_function", AttrKind::kInt},
                      {"leaf_targetids", AttrKind::kInts, true},
                      {"leaf_weights", AttrKind::kTensor, true},
                      {"membership_values", AttrKind::kTensor},
                      {"n_targets", AttrKind::kInt},
                      {"nodes_falseleafs", AttrKind::kInts, true},
                      {"nodes_falsenodeids", AttrKind::kInts, true},
                      {"nodes_featureids", AttrKind::kInts, true},
                      {"nodes_hitrates", AttrKind::kTensor},
                      {"nodes_missing_value_tracks_true", AttrKind::kInts},
                      {"nodes_modes", AttrKind::kTensor, true},
                      {"nodes_splits", AttrKind::kTensor, true},
                      {"nodes_trueleafs", AttrKind::kInts, true},
                      {"nodes_truenodeids", AttrKind::kInts, true},
                      {"post_transform", AttrKind::kInt},
                      {"tree_roots", AttrKind::kInts, true}},
       .infer = infer_tree_ensemble},
  };
  return decls;
}

}  // namespace precis::ops
