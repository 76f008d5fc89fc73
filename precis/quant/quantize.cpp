// Whole-tensor quantize and dequantize by an Encoding: stretches of one scale, bytes by vector code; and the
// per-channel weight scales.
#include "precis/quant/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "precis/core/check.h"
#include "precis/core/rounding.h"
#include "precis/quant/avx2_copy.h"
#include "precis/quant/sample_scan.h"
#include "precis/quant/scale_stretches.h"

namespace precis::quant {
namespace {

// quantize_value() without branches, for codes of at most 16 bits: a compiler makes vector code of it.
struct UniformGrid {
  float scale = 1, zero_point = 0, lowest = 0, highest = 0;
};

template <typename T>
[[gnu::always_inline]] inline void encode_body(const float* x, size_t n, const UniformGrid& grid, T* codes) {
  for (size_t i = 0; i < n; ++i) {
    const float q = round_half_even(x[i] / grid.scale) + grid.zero_point;
    float inside = q > grid.lowest ? q : grid.lowest;
    inside = inside < grid.highest ? inside : grid.highest;
    codes[i] = static_cast<T>(static_cast<int32_t>(q == q ? inside : grid.zero_point));
  }
}

template <typename T>
PRECIS_AVX2_COPY void encode_avx2(const float* x, size_t n, const UniformGrid& grid, T* codes) {
  encode_body(x, n, grid, codes);
}

template <typename T>
void encode_stretches(const Tensor& real, const Encoding& e, Tensor& out) {
  const float* x = real.data<float>().data();
  T* codes = out.data<T>().data();
  for_each_stretch(e, real.shape(), [&](int64_t begin, int64_t length, size_t b) {
    const UniformGrid grid{e.scales[b], static_cast<float>(e.zero_point(b)), static_cast<float>(e.code_min),
                           static_cast<float>(e.code_max)};
    (has_avx2() ? encode_avx2<T> : encode_body<T>)(x + begin, static_cast<size_t>(length), grid,
                                                   codes + begin);
  });
}

[[noreturn]] void fail_not_finite(std::span<const float> row, size_t begin) {
  const auto bad = std::find_if(row.begin(), row.end(), [](float w) { return !std::isfinite(w); });
  fail(ErrorCode::kMalformed, "the weight at index {} is {}, expected finite numbers",
       begin + static_cast<size_t>(bad - row.begin()), *bad);
}

}  // namespace

Tensor quantize_tensor(const Tensor& real, const Encoding& e) {
  check(is_float(real.dtype()), ErrorCode::kMalformed, "cannot quantize a tensor of type {}",
        dtype_name(real.dtype()));
  Tensor out(e.code, real.shape());
  if (real.dtype() == DType::kF32 && e.code == DType::kI8) return encode_stretches<int8_t>(real, e, out), out;
  if (real.dtype() == DType::kF32 && e.code == DType::kU8)
    return encode_stretches<uint8_t>(real, e, out), out;
  for_each_stretch(e, real.shape(), [&](int64_t begin, int64_t length, size_t b) {
    for (int64_t i = begin; i < begin + length; ++i)
      out.set_int(i, quantize_value(static_cast<float>(real.at_double(i)), e.scales[b], e.zero_point(b),
                                    e.code_min, e.code_max));
  });
  return out;
}

Tensor dequantize_tensor(const Tensor& codes, const Encoding& e) {
  check(codes.dtype() == e.code, ErrorCode::kInternal, "codes of type {} read with an encoding of type {}",
        dtype_name(codes.dtype()), dtype_name(e.code));
  Tensor out(DType::kF32, codes.shape());
  auto values = out.data<float>();
  for_each_stretch(e, codes.shape(), [&](int64_t begin, int64_t length, size_t b) {
    for (int64_t i = begin; i < begin + length; ++i)
      values[static_cast<size_t>(i)] = static_cast<float>(codes.at_int(i) - e.zero_point(b)) * e.scales[b];
  });
  return out;
}

Encoding weight_encoding(const Tensor& weights, int axis, const GridSpec& grid) {
  const Shape& shape = weights.shape();
  const size_t channels = axis < 0 ? 1 : static_cast<size_t>(shape[axis]);
  const size_t inner = static_cast<size_t>(axis < 0 ? weights.numel() : shape.inner(axis + 1));
  const std::span<const float> w = weights.data<float>();
  std::vector<float> reach(channels, 0.0f);
  for (size_t at = 0, row = 0; at < w.size(); at += inner, ++row) {
    const Extremes e = find_extremes(w.subspan(at, inner));
    if (!e.finite) fail_not_finite(w.subspan(at, inner), at);
    float& r = reach[row % channels];
    r = std::max({r, std::fabs(e.min), std::fabs(e.max)});
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
