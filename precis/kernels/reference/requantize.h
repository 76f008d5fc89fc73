// The integer contract of docs/quantization.md, one scalar formula each: multipliers, biases, requantization.
// All float arithmetic is binary32, round to nearest, in the order written; multipliers are computed in
// double and rounded to float once; only std::fma is fused. Whatever computes these integers faster must give
// the same.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "precis/core/rounding.h"

namespace precis::kernels::reference {

// Accumulator (plus bias) -> codes of the output.
inline float requantize_multiplier(float sx, float sw, float sy) {
  return static_cast<float>(static_cast<double>(sx) * sw / sy);
}
// Accumulator (plus bias) -> real.
inline float real_multiplier(float sx, float sw) { return static_cast<float>(static_cast<double>(sx) * sw); }
// Codes of x (zero point subtracted) -> codes of y: requantize, add, concat, the fused residual.
inline float rescale_multiplier(float sx, float sy) {
  return static_cast<float>(static_cast<double>(sx) / sy);
}
// Sum of n codes -> codes of their mean.
inline float average_multiplier(float sx, float sy, int64_t n) {
  return static_cast<float>(static_cast<double>(sx) / (static_cast<double>(sy) * static_cast<double>(n)));
}
// Sum of n codes -> their real mean.
inline float real_average_multiplier(float sx, int64_t n) {
  return static_cast<float>(static_cast<double>(sx) / static_cast<double>(n));
}
// Product of two codes -> codes of the product.
inline float product_multiplier(float sa, float sb, float sy) {
  return static_cast<float>(static_cast<double>(sa) * sb / sy);
}

// x * a + b -> codes of the result: t = fma(float(x - z_x), affine_multiplier, affine_offset).
inline float affine_multiplier(double a, float sx, float sy) {
  return static_cast<float>(static_cast<double>(sx) * a / sy);
}
inline float affine_offset(double b, float sy) { return static_cast<float>(b / sy); }

// The int32 bias of a real one: rne(b / (s_x * s_w)), saturated; NaN gives 0.
inline int32_t bias_code(double b, float sx, float sw) {
  const double code = round_half_even(b / (static_cast<double>(sx) * sw));
  if (std::isnan(code)) return 0;
  if (code <= static_cast<double>(INT32_MIN)) return INT32_MIN;
  return code >= static_cast<double>(INT32_MAX) ? INT32_MAX : static_cast<int32_t>(code);
}

// A function applied to t, before rounding. Limits are in units of the output's scale: float(limit /
// double(s_y)).
struct FusedActivation {
  enum class Kind : uint8_t { kNone, kRelu, kClip };
  Kind kind = Kind::kNone;
  float lo = 0, hi = 0;
};
inline FusedActivation fused_relu() { return {FusedActivation::Kind::kRelu, 0, 0}; }
inline FusedActivation fused_clip(float lo, float hi, float sy) {
  return {FusedActivation::Kind::kClip, static_cast<float>(lo / static_cast<double>(sy)),
          static_cast<float>(hi / static_cast<double>(sy))};
}
inline float activate(const FusedActivation& a, float t) {
  if (a.kind == FusedActivation::Kind::kRelu) return t < 0 ? 0.0f : t;
  if (a.kind == FusedActivation::Kind::kClip) {
    const float low = t < a.lo ? a.lo : t;
    return low > a.hi ? a.hi : low;
  }
  return t;
}

// The grid that results are rounded to.
struct OutputGrid {
  int32_t zero_point = 0;
  int32_t code_min = 0, code_max = 255;
};
// saturate(rne(t) + zero_point); NaN gives the zero point.
inline int32_t round_to_grid(float t, const OutputGrid& g) {
  return saturate_to_int(round_half_even(t) + static_cast<float>(g.zero_point), g.code_min, g.code_max,
                         g.zero_point);
}

struct Requantize {
  float multiplier = 1;  // requantize_multiplier
  int32_t bias = 0;
  float residual_multiplier = 0;  // rescale_multiplier of the residual; used by requantize_sum only
  FusedActivation activation;
  OutputGrid grid;
};

inline float scaled_accumulator(int32_t acc, int32_t bias, float multiplier) {
  return (static_cast<float>(acc) + static_cast<float>(bias)) * multiplier;
}
inline int32_t requantize(const Requantize& p, int32_t acc) {
  return round_to_grid(activate(p.activation, scaled_accumulator(acc, p.bias, p.multiplier)), p.grid);
}
// residual: the code of the value that is added, zero point subtracted.
inline int32_t requantize_sum(const Requantize& p, int32_t acc, int32_t residual) {
  const float t = scaled_accumulator(acc, p.bias, p.multiplier);
  return round_to_grid(
      activate(p.activation, std::fma(p.residual_multiplier, static_cast<float>(residual), t)), p.grid);
}

// The proof that a channel's accumulator fits: sum |w - z_w| * max |x - z_x| + |bias| < 2^31. All arguments
// are >= 0 but bias.
inline bool accumulator_fits(int64_t sum_abs_weights, int64_t max_abs_input, int64_t bias) {
  int64_t bound = 0;
  if (__builtin_mul_overflow(sum_abs_weights, max_abs_input, &bound)) return false;
  return !__builtin_add_overflow(bound, std::llabs(bias), &bound) && bound < (int64_t{1} << 31);
}

}  // namespace precis::kernels::reference
