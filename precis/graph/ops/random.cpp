// Operators that draw random numbers: RandomNormal, RandomUniform, their forms that take a shape from a
// tensor, Bernoulli, Multinomial. (Dropout, random in training only, is in constant_like.cpp.)
#include <cmath>

#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

// An element type among `allowed`, or the fallback.
DType drawn_type(const InferContext& ctx, DType fallback, TypeSet allowed) {
  const DType dtype = dtype_attr(ctx, "dtype", fallback);
  ctx.require(dtype == DType::kUndefined || ((allowed >> static_cast<int>(dtype)) & 1u) != 0,
              "attribute 'dtype' asks for {}, expected one of {}", dtype_name(dtype), type_set_text(allowed));
  return dtype;
}

void check_distribution(const InferContext& ctx) {
  const float low = finite_attr(ctx, "low", 0), high = finite_attr(ctx, "high", 1);
  ctx.require(low <= high, "attribute 'low' is {}, more than 'high' ({})", low, high);
  finite_attr(ctx, "mean", 0);
  const float scale = finite_attr(ctx, "scale", 1);
  ctx.require(scale >= 0, "attribute 'scale' is {}, expected at least 0", scale);
}

void infer_random(InferContext& ctx) {
  check_distribution(ctx);
  std::vector<Dim> shape;
  for (int64_t d : ctx.node().get_ints("shape")) {
    ctx.require(d >= 0, "attribute 'shape' holds {}, expected at least 0", d);
    shape.emplace_back(d);
  }
  set_output(ctx, 0, drawn_type(ctx, DType::kF32, kFloats), std::move(shape));
}

void infer_random_like(InferContext& ctx) {
  check_distribution(ctx);
  set_output(ctx, 0, drawn_type(ctx, ctx.dtype(0), kFloats), ctx.shape(0));
}

void infer_bernoulli(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  set_output(ctx, 0, drawn_type(ctx, ctx.dtype(0), kNumbers | kBools), ctx.shape(0));
}

void infer_multinomial(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  ctx.require_rank(0, 2, 2);
  const int64_t samples = int_attr(ctx, "sample_size", 1, 1, INT32_MAX);
  const SymbolicShape& x = ctx.shape(0);
  ctx.require(!x || (*x)[1].value != 0, "the input {} has no classes to draw from", shape_str(x));
  set_output(ctx, 0, drawn_type(ctx, DType::kI32, kIndices),
             std::vector<Dim>{x ? (*x)[0] : Dim(), Dim(samples)});
}

std::vector<AttrDecl> attributes(std::initializer_list<AttrDecl> more) {
  std::vector<AttrDecl> a = {{"dtype", AttrKind::kInt}, {"seed", AttrKind::kFloat}};
  a.insert(a.end(), more);
  return a;
}

}  // namespace

const std::vector<OpDecl>& random_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "Bernoulli", .attributes = attributes({}), .infer = infer_bernoulli, .random = true},
      {.op = "Multinomial",
       .attributes = attributes({{"sample_size", AttrKind::kInt}}),
       .infer = infer_multinomial,
       .random = true},
      {.op = "RandomNormal",
       .min_inputs = 0,
       .max_inputs = 0,
       .attributes = attributes(
           {{"mean", AttrKind::kFloat}, {"scale", AttrKind::kFloat}, {"shape", AttrKind::kInts, true}}),
       .infer = infer_random,
       .random = true},
      {.op = "RandomNormalLike",
       .attributes = attributes({{"mean", AttrKind::kFloat}, {"scale", AttrKind::kFloat}}),
       .infer = infer_random_like,
       .random = true},
      {.op = "RandomUniform",
       .min_inputs = 0,
       .max_inputs = 0,
       .attributes = attributes(
           {{"high", AttrKind::kFloat}, {"low", AttrKind::kFloat}, {"shape", AttrKind::kInts, true}}),
       .infer = infer_random,
       .random = true},
      {.op = "RandomUniformLike",
       .attributes = attributes({{"high", AttrKind::kFloat}, {"low", AttrKind::kFloat}}),
       .infer = infer_random_like,
       .random = true},
  };
  return decls;
}

}  // namespace precis::ops
