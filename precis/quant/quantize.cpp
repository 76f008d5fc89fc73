// Whole-tensor quantize and dequantize by an Encoding: one loop that finds each element's block, and the
// per-channel weight scales.
#include "precis/quant/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "precis/core/check.h"
#include "precis/core/rounding.h"
#include "precis/quant/block_walker.h"

namespace precis::quant {
Tensor quantize_tensor(const Tensor& real, const Encoding& e) {
  check(is_float(real.dtype()), ErrorCode::kMalformed, "cannot quantize a tensor of type {}",
        dtype_name(real.dtype()));
  Tensor out(e.code, real.shape());
  BlockWalker walk(e, real.shape());
  for (int64_t i = 0; i < real.numel(); ++i, walk.next()) {
    const size_t b = walk.scale_index();
    out.set_int(i, quantize_value(static_cast<float>(real.at_double(i)), e.scales[b], e.zero_point(b),
                                  e.code_min, e.code_max));
  }
  return out;
}

Tensor dequantize_tensor(const Tensor& codes, const Encoding& e) {
  check(codes.dtype() == e.code, ErrorCode::kInternal, "codes of type {} read with an encoding of type {}",
        dtype_name(codes.dtype()), dtype_name(e.code));
  Tensor out(DType::kF32, codes.shape());
  auto values = out.data<float>();
  BlockWalker walk(e, codes.shape());
  for (int64_t i = 0; i < codes.numel(); ++i, walk.next()) {
    const size_t b = walk.scale_index();
    values[static_cast<size_t>(i)] = static_cast<float>(codes.at_int(i) - e.zero_point(b)) * e.scales[b];
  }
  return out;
}

Encoding weight_encoding(const Tensor& weights, int axis, const GridSpec& grid) {
  const Shape& shape = weights.shape();
  const int64_t channels = axis < 0 ? 1 : shape[axis];
  const int64_t inner = axis < 0 ? 1 : shape.inner(axis + 1);
  std::vector<float> reach(static_cast<size_t>(channels), 0.0f);
  for (int64_t i = 0; i < weights.numel(); ++i) {
    const float w = static_cast<float>(weights.at_double(i));
    check(std::isfinite(w), ErrorCode::kMalformed, "the weight at index {} is {}, expected finite numbers", i,
          w);
    float& r = reach[static_cast<size_t>(axis < 0 ? 0 : i / inner % channels)];
    r = std::max(r, std::fabs(w));
  }
  std::vector<float> scales;
  for (float r : reach) scales.push_back(encoding_from_range({-r, r}, grid).scale());
  Encoding e = encoding_from_range({-1, 1}, grid);
  e.scales = scales;
  if (axis >= 0) {
    e.block = shape.dims();
    e.block[static_cast<size_t>(axis)] = 1;
    if (!e.zero_points.empty()) e.zero_points.assign(scales.size(), e.zero_points[0]);
  }
  return e;
}

float short_scale(float scale, Shorten direction) {
  constexpr float kSteps = 4096;  // 2^12
  int exponent = 0;
  const float steps = std::frexp(scale, &exponent) * kSteps;
  return std::ldexp((direction == Shorten::kUp ? std::ceil(steps) : std::floor(steps)) / kSteps, exponent);
}

double sqnr_db(std::span<const float> reference, std::span<const float> actual) {
  check(reference.size() == actual.size(), ErrorCode::kUsage, "SQNR of {} and {} values", reference.size(),
        actual.size());
  double signal = 0, noise = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double d = static_cast<double>(reference[i]) - actual[i];
    signal += static_cast<double>(reference[i]) * reference[i];
    noise += d * d;
  }
  if (noise == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(signal / noise);
}

}  // namespace precis::quant
