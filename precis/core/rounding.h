// The one rounding function of Precis and the saturating conversions that all quantizers and kernels share.
// Contract (docs/quantization.md): q = saturate(rne(x / scale) + zero_point), rne = round half to even, as in ONNX.
// NaN quantizes to the zero point's code (value 0): kernels never see NaN become a large code; calibration reports it before.
#pragma once

#include <cmath>
#include <cstdint>

namespace precis {

// Round half to even. Relies on the default rounding mode, which Precis never changes.
inline float round_half_even(float x) { return std::nearbyintf(x); }
inline double round_half_even(double x) { return std::nearbyint(x); }

// clamp(x, lo, hi) in float, then convert: NaN gives `nan_code`, infinities saturate. lo and hi must be exact in float.
inline int32_t saturate_to_int(float x, int32_t lo, int32_t hi, int32_t nan_code) {
  if (std::isnan(x)) return nan_code;
  if (x <= static_cast<float>(lo)) return lo;
  if (x >= static_cast<float>(hi)) return hi;
  return static_cast<int32_t>(x);
}

// The contract above for codes of at most 16 bits.
inline int32_t quantize_value(float x, float scale, int32_t zero_point, int32_t lo, int32_t hi) {
  return saturate_to_int(round_half_even(x / scale) + static_cast<float>(zero_point), lo, hi, zero_point);
}

inline float dequantize_value(int32_t q, float scale, int32_t zero_point) {
  return static_cast<float>(q - zero_point) * scale;
}

}  // namespace precis
