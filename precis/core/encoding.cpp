// Constructors of the common encodings and the question which axis an encoding varies along.
#include "precis/core/encoding.h"

#include "precis/core/check.h"

namespace precis {

Encoding Encoding::per_tensor_uniform(DType code, float scale, int32_t zero_point) {
  Encoding e;
  e.code = code;
  e.bits = dtype_bits(code);
  e.code_min = static_cast<int32_t>(dtype_min(code));
  e.code_max = static_cast<int32_t>(dtype_max(code));
  e.scales = {scale};
  if (zero_point != 0) e.zero_points = {zero_point};
  return e;
}

Encoding Encoding::per_axis_uniform(DType code, const Shape& shape, int axis, std::vector<float> scales,
                                    std::vector<int32_t> zero_points) {
  Encoding e = per_tensor_uniform(code, 1.0f, 0);
  check(axis >= 0 && axis < shape.rank() && static_cast<int64_t>(scales.size()) == shape[axis],
        ErrorCode::kMalformed, "{} scales do not fit axis {} of shape {}", scales.size(), axis, shape.str());
  check(zero_points.empty() || zero_points.size() == scales.size(), ErrorCode::kMalformed,
        "{} zero points for {} scales", zero_points.size(), scales.size());
  e.block = shape.dims();
  e.block[static_cast<size_t>(axis)] = 1;
  e.scales = std::move(scales);
  for (int32_t zp : zero_points)
    if (zp != 0) {
      e.zero_points = std::move(zero_points);
      break;
    }
  return e;
}

int encoding_axis(const Encoding& e, const Shape& shape) {
  if (e.per_tensor() || e.scales.size() <= 1) return -1;
  if (static_cast<int>(e.block.size()) != shape.rank()) return -2;
  int axis = -1;
  for (int i = 0; i < shape.rank(); ++i) {
    const int64_t block = e.block[static_cast<size_t>(i)];
    if (block >= shape[i]) continue;
    if (block != 1 || axis >= 0) return -2;
    axis = i;
  }
  return axis;
}

}  // namespace precis
