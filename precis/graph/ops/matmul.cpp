// Matrix products: MatMul, MatMulInteger, QLinearMatMul (NumPy matmul rules), Gemm.
#include <algorithm>

#include "precis/graph/ops/families.h"
#include "precis/graph/ops/quantize_params.h"

namespace precis::ops {
namespace {

// Shape of a x b: batch dimensions broadcast, a vector counts as a row (left) or a column (right) that is
// dropped again.
SymbolicShape matmul_shape(const InferContext& ctx, size_t ai, size_t bi) {
  const SymbolicShape &a = ctx.shape(ai), &b = ctx.shape(bi);
  ctx.require_rank(ai, 1, kMaxRank);
  ctx.require_rank(bi, 1, kMaxRank);
  if (!a || !b) return std::nullopt;
  const Dim inner_a = a->back(), inner_b = b->size() == 1 ? (*b)[0] : (*b)[b->size() - 2];
  if (inner_a.known() && inner_b.known())
    ctx.require(inner_a.value == inner_b.value,
                "shapes {} and {} do not multiply: the inner dimensions are {} and {}", shape_str(a),
                shape_str(b), inner_a.value, inner_b.value);
  const auto batch = [](const std::vector<Dim>& s) {
    return SymbolicShape(std::vector<Dim>(
        s.begin(), s.end() - std::min<std::ptrdiff_t>(2, static_cast<std::ptrdiff_t>(s.size()))));
  };
  SymbolicShape out = broadcast(ctx, batch(*a), batch(*b));
  if (a->size() > 1) out->push_back((*a)[a->size() - 2]);
  if (b->size() > 1) out->push_back(b->back());
  return out;
}

void infer_matmul(InferContext& ctx) {
  require_type(ctx, 0, kFloats | types({DType::kI32, DType::kI64, DType::kU32, DType::kU64}));
  require_same_type(ctx, 0, 1);
  set_output(ctx, 0, ctx.dtype(0), matmul_shape(ctx, 0, 1));
}

void infer_matmul_integer(InferContext& ctx) {
  require_type(ctx, 0, kBytes);
  require_type(ctx, 1, kBytes);
  if (ctx.has_input(2)) require_same_type(ctx, 0, 2);
  if (ctx.has_input(3)) require_same_type(ctx, 1, 3);
  set_output(ctx, 0, DType::kI32, matmul_shape(ctx, 0, 1));
}

void infer_qlinear_matmul(InferContext& ctx) {
  for (const size_t i : {0, 3, 7}) require_type(ctx, i, kBytes);
  for (const size_t i : {1, 4, 6}) {
    require_type(ctx, i, kFloats);
    require_scale_values(ctx, i, i == 1 ? "a_scale" : i == 4 ? "b_scale" : "y_scale");
  }
  require_zero_point(ctx, 2, 0, 1, "a_zero_point");
  require_zero_point(ctx, 5, 3, 4, "b_zero_point");
  set_output(ctx, 0, ctx.dtype(7), matmul_shape(ctx, 0, 3));
}

void infer_gemm(InferContext& ctx) {
  require_type(ctx, 0, kFloats | types({DType::kI32, DType::kI64, DType::kU32, DType::kU64}));
  require_same_type(ctx, 0, 1);
  finite_attr(ctx, "alpha", 1);
  finite_attr(ctx, "beta", 1);
  const size_t ta = flag_attr(ctx, "transA", false) ? 1 : 0, tb = flag_attr(ctx, "transB", false) ? 1 : 0;
  ctx.require_rank(0, 2, 2);
  ctx.require_rank(1, 2, 2);
  const SymbolicShape &a = ctx.shape(0), &b = ctx.shape(1);
  const Dim m = a ? (*a)[ta] : Dim(), n = b ? (*b)[1 - tb] : Dim();
  if (a && b) equal_dims(ctx, (*a)[1 - ta], (*b)[tb], "the inner dimension of the product");
  SymbolicShape y = std::vector<Dim>{m, n};
  if (ctx.has_input(2)) {
    require_same_type(ctx, 0, 2);
    require_broadcasts_to(ctx, ctx.shape(2), y, "input 2 (C)");
  }
  set_output(ctx, 0, ctx.dtype(0), std::move(y));
}

int64_t matmul_macs(const Node&, std::span<const Shape> in, std::span<const Shape> out) {
  return checked_mul(out[0].numel(), in[0][in[0].rank() - 1]);
}

int64_t gemm_macs(const Node& node, std::span<const Shape> in, std::span<const Shape> out) {
  return checked_mul(out[0].numel(), in[0][node.get_int("transA", 0) != 0 ? 0 : 1]);
}

}  // namespace

const std::vector<OpDecl>& matmul_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "MatMul", .min_inputs = 2, .max_inputs = 2, .infer = infer_matmul, .macs = matmul_macs},
      {.op = "MatMulInteger",
       .min_inputs = 2,
       .max_inputs = 4,
       .infer = infer_matmul_integer,
       .macs = matmul_macs},
      {.op = "QLinearMatMul",
       .min_inputs = 8,
       .max_inputs = 8,
       .infer = infer_qlinear_matmul,
       .macs = matmul_macs},
      {.op = "Gemm",
       .min_inputs = 2,
       .max_inputs = 3,
       .attributes = {{"alpha", AttrKind::kFloat},
                      {"beta", AttrKind::kFloat},
                      {"transA", AttrKind::kInt},
                      {"transB", AttrKind::kInt}},
       .infer = infer_gemm,
       .macs = gemm_macs},
  };
  return decls;
}

}  // namespace precis::ops
