// Selection and counting: TopK, NonZero, Compress, OneHot, CumSum, CumProd, ReverseSequence, Unique,
// TfIdfVectorizer.
#include <algorithm>

#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

void infer_top_k(InferContext& ctx) {
  require_type(ctx, 0, kNumbers);
  flag_attr(ctx, "largest", true);
  flag_attr(ctx, "sorted", true);
  require_scalar(ctx, 1, "K");
  const auto k = known_ints(ctx, 1, "K");
  SymbolicShape out = ctx.shape(0);
  if (out) {
    ctx.require_rank(0, 1, kMaxRank);
    Dim& d = (*out)[static_cast<size_t>(axis_attr(ctx, -1, static_cast<int>(out->size())))];
    if (k && d.known())
      ctx.require((*k)[0] <= d.value, "K (input 1) is {}, more than the {} elements along the axis", (*k)[0],
                  d.value);
    if (k) ctx.require((*k)[0] >= 0, "K (input 1) is {}, expected at least 0", (*k)[0]);
    d = k ? Dim((*k)[0]) : Dim();
  }
  set_output(ctx, 0, ctx.dtype(0), out);
  set_output(ctx, 1, DType::kI64, out);
}

void infer_non_zero(InferContext& ctx) {
  const SymbolicShape& x = ctx.shape(0);
  // A scalar counts as a vector of one element.
  const Dim rank = x ? Dim(x->empty() ? 1 : static_cast<int64_t>(x->size())) : Dim();
  set_output(ctx, 0, DType::kI64, std::vector<Dim>{rank, Dim()});
}

void infer_one_hot(InferContext& ctx) {
  require_type(ctx, 0, kNumbers);
  require_type(ctx, 1, kNumbers);
  require_vector(ctx, 2, Dim(2), "values");
  const auto depth = known_scalar(ctx, 1, "depth");
  ctx.require(!depth || (*depth >= 1 && *depth <= 1e12), "depth (input 1) is {}, expected at least 1",
              depth.value_or(0));
  SymbolicShape out = ctx.shape(0);
  if (out) {
    const int axis = axis_attr(ctx, -1, static_cast<int>(out->size()) + 1);
    out->insert(out->begin() + axis, depth ? Dim(static_cast<int64_t>(*depth)) : Dim());
  }
  set_output(ctx, 0, ctx.dtype(2), std::move(out));
}

void infer_compress(InferContext& ctx) {
  require_type(ctx, 1, kBools);
  ctx.require_rank(1, 1, 1);
  SymbolicShape out = std::vector<Dim>{Dim()};
  if (ctx.node().has("axis")) {
    out = ctx.shape(0);
    if (out) (*out)[static_cast<size_t>(axis_attr(ctx, 0, static_cast<int>(out->size())))] = Dim();
  }
  set_output(ctx, 0, ctx.dtype(0), std::move(out));
}

void infer_reverse_sequence(InferContext& ctx) {
  const int64_t batch = int_attr(ctx, "batch_axis", 1, 0, 1), time = int_attr(ctx, "time_axis", 0, 0, 1);
  ctx.require(batch != time, "batch_axis and time_axis are both {}", batch);
  require_type(ctx, 1, kIndices);
  ctx.require_rank(0, 2, kMaxRank);
  require_vector(ctx, 1, ctx.shape(0) ? (*ctx.shape(0))[static_cast<size_t>(batch)] : Dim(), "sequence_lens");
  same_as_input(ctx);
}

void infer_cum_sum(InferContext& ctx) {
  require_type(ctx, 0, kNumbers);
  flag_attr(ctx, "exclusive", false);
  flag_attr(ctx, "reverse", false);
  require_scalar(ctx, 1, "axis");
  const auto axis = known_ints(ctx, 1, "axis");
  if (axis && ctx.rank(0)) checked_axis(ctx, (*axis)[0], *ctx.rank(0), "axis (input 1)");
  same_as_input(ctx);
}

void infer_unique(InferContext& ctx) {
  flag_attr(ctx, "sorted", true);
  SymbolicShape out = std::vector<Dim>{Dim()};
  if (ctx.node().has("axis")) {
    ctx.require_rank(0, 1, kMaxRank);
    out = ctx.shape(0);
    if (out) (*out)[static_cast<size_t>(axis_attr(ctx, 0, static_cast<int>(out->size())))] = Dim();
  }
  set_output(ctx, 0, ctx.dtype(0), std::move(out));
  for (size_t i = 1; i < 4; ++i) set_output(ctx, i, DType::kI64, std::vector<Dim>{Dim()});
}

void infer_tf_idf(InferContext& ctx) {
  if (ctx.node().has("pool_strings"))
    fail(ErrorCode::kUnsupported, "{}: counts strings, which are not supported", ctx.where());
  require_type(ctx, 0, kIndices);
  ctx.require_rank(0, 1, 2);
  choice_attr(ctx, "mode", "TF", {"TF", "IDF", "TFIDF"});
  int_attr(ctx, "max_skip_count", 0, 0, INT32_MAX);
  const int64_t shortest = int_attr(ctx, "min_gram_length", 1, 1, INT32_MAX);
  int_attr(ctx, "max_gram_length", 1, shortest, INT32_MAX);
  int64_t columns = 0;
  for (int64_t i : ctx.node().get_ints("ngram_indexes")) {
    ctx.require(i >= 0 && i < INT32_MAX, "attribute 'ngram_indexes' holds {}, expected 0 to {}", i,
                INT32_MAX);
    columns = std::max(columns, i + 1);
  }
  ctx.require(columns > 0, "attribute 'ngram_indexes' is empty");
  const SymbolicShape& x = ctx.shape(0);
  if (!x) return set_output(ctx, 0, DType::kF32, std::nullopt);
  std::vector<Dim> y(x->begin(), x->end());
  y.back() = columns;
  set_output(ctx, 0, DType::kF32, std::move(y));
}

}  // namespace

const std::vector<OpDecl>& select_ops() {
  static const std::vector<AttrDecl> scan_attributes = {{"exclusive", AttrKind::kInt},
                                                        {"reverse", AttrKind::kInt}};
  static const std::vector<OpDecl> decls = {
      {.op = "TopK",
       .min_inputs = 2,
       .max_inputs = 2,
       .min_outputs = 2,
       .max_outputs = 2,
       .attributes = {{"axis", AttrKind::kInt}, {"largest", AttrKind::kInt}, {"sorted", AttrKind::kInt}},
       .infer = infer_top_k},
      {.op = "NonZero", .infer = infer_non_zero},
      {.op = "OneHot",
       .min_inputs = 3,
       .max_inputs = 3,
       .attributes = {{"axis", AttrKind::kInt}},
       .infer = infer_one_hot},
      {.op = "CumSum",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = scan_attributes,
       .infer = infer_cum_sum},
      {.op = "CumProd",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = scan_attributes,
       .infer = infer_cum_sum},
      {.op = "Compress",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"axis", AttrKind::kInt}},
       .infer = infer_compress},
      {.op = "TfIdfVectorizer",
       .attributes = {{"max_gram_length", AttrKind::kInt, true},
                      {"max_skip_count", AttrKind::kInt, true},
                      {"min_gram_length", AttrKind::kInt, true},
                      {"mode", AttrKind::kString, true},
                      {"ngram_counts", AttrKind::kInts, true},
                      {"ngram_indexes", AttrKind::kInts, true},
                      {"pool_int64s", AttrKind::kInts},
                      {"pool_strings", AttrKind::kStrings},
                      {"weights", AttrKind::kFloats}},
       .infer = infer_tf_idf},
      {.op = "Unique",
       .max_outputs = 4,
       .attributes = {{"axis", AttrKind::kInt}, {"sorted", AttrKind::kInt}},
       .infer = infer_unique},
      {.op = "ReverseSequence",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"batch_axis", AttrKind::kInt}, {"time_axis", AttrKind::kInt}},
       .infer = infer_reverse_sequence},
  };
  return decls;
}

}  // namespace precis::ops
