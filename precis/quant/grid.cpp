// From a Range to an Encoding: scale and zero point of the uniform grids.
// Affine and symmetric formulas as in PyTorch's observers (torch/ao/quantization/observer.py, _calculate_qparams), but for the
// smallest scale: here FLT_MIN with a finite inverse instead of 2^-23, so that small but meaningful ranges keep their resolution.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "precis/core/check.h"
#include "precis/core/rounding.h"
#include "precis/quant/observer.h"

namespace precis::quant {

int32_t grid_min(const GridSpec& g) {
  if (!is_signed(g.code)) return 0;
  const int32_t full = -(1 << (g.bits - 1));
  return g.symmetry == GridSpec::Symmetry::kSymmetric && g.code_range == GridSpec::CodeRange::kRestricted ? full + 1 : full;
}

int32_t grid_max(const GridSpec& g) { return is_signed(g.code) ? (1 << (g.bits - 1)) - 1 : (1 << g.bits) - 1; }

namespace {

// A scale that is safe to divide by: at least 2^-125, where 1 / s and s itself are normal numbers.
float safe_scale(double s) { return std::max(static_cast<float>(s), 0x1p-125f); }

}  // namespace

Encoding encoding_from_range(Range range, const GridSpec& g) {
  check(g.bits >= 1 && g.bits <= 16 && is_integer(g.code) && dtype_bits(g.code) >= g.bits, ErrorCode::kUsage,
        "a grid of {} bits does not fit codes of type {}", g.bits, dtype_name(g.code));
  check(std::isfinite(range.min) && std::isfinite(range.max) && range.min <= range.max, ErrorCode::kMalformed,
        "range [{}, {}] is not finite or not ordered", range.min, range.max);
  const double lo = std::min(range.min, 0.0f), hi = std::max(range.max, 0.0f);
  const int32_t qmin = grid_min(g), qmax = grid_max(g);
  Encoding e;
  e.code = g.code;
  e.bits = g.bits;
  e.code_min = qmin;
  e.code_max = qmax;
  if (g.symmetry == GridSpec::Symmetry::kSymmetric) {
    const double reach = std::max(-lo, hi);
    const bool restricted = is_signed(g.code) && g.code_range == GridSpec::CodeRange::kRestricted;
    const double half = restricted ? qmax : (static_cast<double>(qmax) - qmin) / 2;
    e.scales = {reach == 0 ? 1.0f : safe_scale(reach / half)};
    if (!is_signed(g.code)) e.zero_points = {(qmin + qmax + 1) / 2};
    return e;
  }
  const double span = hi - lo;
  const float s = span == 0 ? 1.0f : safe_scale(span / (static_cast<double>(qmax) - qmin));
  e.scales = {s};
  const double zp = qmin - round_half_even(lo / static_cast<double>(s));
  const int32_t z = static_cast<int32_t>(std::clamp(zp, static_cast<double>(qmin), static_cast<double>(qmax)));
  if (z != 0) e.zero_points = {z};
  return e;
}

}  // namespace precis::quant
