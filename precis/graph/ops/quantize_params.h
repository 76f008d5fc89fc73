// Checks of scales and zero points given as inputs, shared by the quantized operators. Private to graph/ops.
#pragma once

#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {

// Constant scales must be finite and positive.
void require_scale_values(const InferContext& ctx, size_t input, const char* what);
// A scalar, or a vector of one or `length` elements, of positive finite floats.
void require_scale(const InferContext& ctx, size_t input, const Dim& length, const char* what);
void require_scalar_or_vector(const InferContext& ctx, size_t input, const Dim& length, const char* what);
// A zero point has the type of the data and the shape of the scale.
void require_zero_point(const InferContext& ctx, size_t input, size_t data, size_t scale, const char* what);

}  // namespace precis::ops
