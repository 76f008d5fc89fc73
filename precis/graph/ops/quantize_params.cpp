// Checks of scales and zero points: see quantize_params.h.
#include "precis/graph/ops/quantize_params.h"

#include <cmath>

namespace precis::ops {
namespace {

bool is_one(const SymbolicShape& s) { return s && (s->empty() || (s->size() == 1 && (*s)[0].value == 1)); }

}  // namespace

void require_scale_values(const InferContext& ctx, size_t input, const char* what) {
  const Tensor* t = ctx.constant(input);
  if (t == nullptr) return;
  for (int64_t i = 0; i < t->numel(); ++i) {
    const double v = t->at_double(i);
    ctx.require(std::isfinite(v) && v > 0, "{} (input {}) holds {} at {}, expected a positive finite number",
                what, input, v, i);
  }
}

void require_scalar_or_vector(const InferContext& ctx, size_t input, const Dim& length, const char* what) {
  if (is_one(ctx.shape(input)) || !ctx.shape(input)) return;
  if (length == Dim(1))
    require_scalar(ctx, input, what);
  else
    require_vector(ctx, input, length, what);
}

void require_scale(const InferContext& ctx, size_t input, const Dim& length, const char* what) {
  require_type(ctx, input, kFloats);
  require_scalar_or_vector(ctx, input, length, what);
  require_scale_values(ctx, input, what);
}

void require_zero_point(const InferContext& ctx, size_t input, size_t data, size_t scale, const char* what) {
  if (!ctx.has_input(input)) return;
  const DType zp = ctx.dtype(input), codes = ctx.dtype(data);
  ctx.require(zp == codes || zp == DType::kUndefined || codes == DType::kUndefined,
              "{} (input {}) has element type {}, expected {} as the data", what, input, dtype_name(zp),
              dtype_name(codes));
  const SymbolicShape &a = ctx.shape(input), &b = ctx.shape(scale);
  if (!fully_known(a) || !fully_known(b) || (is_one(a) && is_one(b))) return;
  ctx.require(*a == *b, "{} (input {}) has shape {}, expected {} as its scale", what, input, shape_str(a),
              shape_str(b));
}

}  // namespace precis::ops
