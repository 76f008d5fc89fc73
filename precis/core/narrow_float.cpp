// One parameter row per type; the arithmetic is on doubles, which hold every value of every type exactly.
#include "precis/core/narrow_float.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "precis/core/check.h"
#include "precis/core/rounding.h"

namespace precis {
namespace {

// Which bit patterns are no numbers.
enum class Specials : uint8_t {
  kNone,          // every pattern is a finite number
  kNanAllOnes,    // exponent and mantissa all ones: NaN; no infinity
  kNanMinusZero,  // the pattern of -0 is NaN; no infinity, no -0
  kIeee,          // the largest exponent holds infinity and NaNs
};

struct Format {
  int exponent_bits, mantissa_bits, bias;
  Specials specials;
};

constexpr int kPowerBias = 127;  // f8e8m0: 2^(bits - 127), 0xff is NaN

Format format_of(DType dtype) {
  switch (dtype) {
    case DType::kF8E4M3FN:
      return {4, 3, 7, Specials::kNanAllOnes};
    case DType::kF8E4M3FNUZ:
      return {4, 3, 8, Specials::kNanMinusZero};
    case DType::kF8E5M2:
      return {5, 2, 15, Specials::kIeee};
    case DType::kF8E5M2FNUZ:
      return {5, 2, 16, Specials::kNanMinusZero};
    case DType::kF4E2M1:
      return {2, 1, 1, Specials::kNone};
    default:
      fail(ErrorCode::kInternal, "a value of type {} converted as a narrow float", dtype_name(dtype));
  }
}

int sign_bit(const Format& f) { return 1 << (f.exponent_bits + f.mantissa_bits); }

// The pattern of the largest finite number, without sign.
int largest(const Format& f) {
  const int all = sign_bit(f) - 1;
  if (f.specials == Specials::kIeee) return all - (1 << f.mantissa_bits);
  return f.specials == Specials::kNanAllOnes ? all - 1 : all;
}

double magnitude_of(const Format& f, int bits) {
  const int exponent = bits >> f.mantissa_bits, mantissa = bits & ((1 << f.mantissa_bits) - 1);
  const int step = 1 - f.bias - f.mantissa_bits;  // exponent of the smallest subnormal
  if (exponent == 0) return std::ldexp(mantissa, step);
  return std::ldexp(mantissa + (1 << f.mantissa_bits), step + exponent - 1);
}

int nan_of(const Format& f, int sign) {
  // f4e2m1 has only zeros to spare for it, of which ONNX takes -0.
  if (f.specials == Specials::kNone || f.specials == Specials::kNanMinusZero) return sign_bit(f);
  const int all = sign_bit(f) - 1;
  return sign | (f.specials == Specials::kIeee ? largest(f) + 1 + (1 << (f.mantissa_bits - 1)) : all);
}

int overflow_of(const Format& f, int sign, bool saturate) {
  if (saturate || f.specials == Specials::kNone) return sign | largest(f);
  if (f.specials == Specials::kIeee) return sign | (largest(f) + 1);
  return nan_of(f, sign);
}

// The pattern of a finite magnitude, rounded half to even; above largest() when it overflows.
int rounded(const Format& f, double magnitude) {
  const int lowest = 1 - f.bias;  // exponent of the smallest normal number
  const int exponent = magnitude > 0 ? std::max(std::ilogb(magnitude), lowest) : lowest;
  if (exponent > f.bias + 1) return sign_bit(f);
  const double steps = round_half_even(std::ldexp(magnitude, f.mantissa_bits - exponent));
  // Steps of 2^mantissa_bits and more carry into the exponent by themselves.
  return ((exponent - lowest) << f.mantissa_bits) + static_cast<int>(steps);
}

uint8_t power_bits(double value, const NarrowRules& rules) {
  constexpr int kMost = 0xfe, kNan = 0xff;
  if (std::isnan(value)) return kNan;
  if (std::isinf(value)) return static_cast<uint8_t>(rules.saturate ? kMost : kNan);
  const double magnitude = std::fabs(value);
  if (magnitude < std::ldexp(1.0, -kPowerBias)) return static_cast<uint8_t>(rules.saturate ? 0 : kNan);
  const int exponent = std::ilogb(magnitude);
  const double fraction = std::ldexp(magnitude, -exponent);  // [1, 2)
  const bool up = (rules.powers == PowerRounding::kUp && fraction > 1) ||
                  (rules.powers == PowerRounding::kNearest && fraction >= 1.5);
  const int bits = exponent + kPowerBias + (up ? 1 : 0);
  if (bits > kMost) return static_cast<uint8_t>(rules.saturate ? kMost : kNan);
  return static_cast<uint8_t>(bits);
}

}  // namespace

double narrow_to_double(DType dtype, uint8_t bits) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  if (dtype == DType::kF8E8M0) return bits == 0xff ? kNan : std::ldexp(1.0, bits - kPowerBias);
  const Format f = format_of(dtype);
  const int sign = bits & sign_bit(f), rest = bits & (sign_bit(f) - 1);
  if (f.specials == Specials::kNanMinusZero && sign != 0 && rest == 0) return kNan;
  if (rest > largest(f)) {
    const bool infinite = f.specials == Specials::kIeee && rest == largest(f) + 1;
    return std::copysign(infinite ? std::numeric_limits<double>::infinity() : kNan, sign ? -1.0 : 1.0);
  }
  const double magnitude = magnitude_of(f, rest);
  return sign ? -magnitude : magnitude;
}

uint8_t double_to_narrow(DType dtype, double value, const NarrowRules& rules) {
  if (dtype == DType::kF8E8M0) return power_bits(value, rules);
  const Format f = format_of(dtype);
  const int sign = std::signbit(value) ? sign_bit(f) : 0;
  if (std::isnan(value)) return static_cast<uint8_t>(nan_of(f, sign));
  if (std::isinf(value)) return static_cast<uint8_t>(overflow_of(f, sign, rules.saturate));
  const int bits = rounded(f, std::fabs(value));
  if (bits > largest(f)) return static_cast<uint8_t>(overflow_of(f, sign, rules.saturate));
  if (bits == 0 && f.specials == Specials::kNanMinusZero) return 0;
  return static_cast<uint8_t>(sign | bits);
}

}  // namespace precis
