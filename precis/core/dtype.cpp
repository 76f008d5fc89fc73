// Tables of the element types and the bit-level conversions of the narrow floats.
#include "precis/core/dtype.h"

#include <array>
#include <bit>
#include <cstring>

namespace precis {
namespace {

struct Row {
  DType dtype;
  const char* name;
  int bits;
  int64_t min;
  int64_t max;
};

constexpr std::array<Row, kDTypeCount> kRows = {{
    {DType::kUndefined, "undefined", 0, 0, 0},
    {DType::kF32, "f32", 32, 0, 0},
    {DType::kF64, "f64", 64, 0, 0},
    {DType::kF16, "f16", 16, 0, 0},
    {DType::kBF16, "bf16", 16, 0, 0},
    {DType::kI8, "i8", 8, -128, 127},
    {DType::kU8, "u8", 8, 0, 255},
    {DType::kI16, "i16", 16, -32768, 32767},
    {DType::kU16, "u16", 16, 0, 65535},
    {DType::kI32, "i32", 32, INT32_MIN, INT32_MAX},
    {DType::kU32, "u32", 32, 0, UINT32_MAX},
    {DType::kI64, "i64", 64, INT64_MIN, INT64_MAX},
    {DType::kU64, "u64", 64, 0, INT64_MAX},
    {DType::kBool, "bool", 8, 0, 1},
    {DType::kI4, "i4", 4, -8, 7},
    {DType::kU4, "u4", 4, 0, 15},
    {DType::kI2, "i2", 2, -2, 1},
    {DType::kU2, "u2", 2, 0, 3},
    {DType::kF8E4M3FN, "f8e4m3fn", 8, 0, 0},
    {DType::kF8E4M3FNUZ, "f8e4m3fnuz", 8, 0, 0},
    {DType::kF8E5M2, "f8e5m2", 8, 0, 0},
    {DType::kF8E5M2FNUZ, "f8e5m2fnuz", 8, 0, 0},
    {DType::kF8E8M0, "f8e8m0", 8, 0, 0},
    {DType::kF4E2M1, "f4e2m1", 4, 0, 0},
    {DType::kSequence, "sequence", 0, 0, 0},
    {DType::kOptional, "optional", 0, 0, 0},
}};

const Row& row(DType dtype) { return kRows[static_cast<size_t>(dtype)]; }

}  // namespace

int dtype_bits(DType dtype) { return row(dtype).bits; }
const char* dtype_name(DType dtype) { return row(dtype).name; }

DType dtype_from_name(std::string_view name) {
  for (const Row& r : kRows)
    if (name == r.name) return r.dtype;
  return DType::kUndefined;
}

bool is_float(DType d) {
  return d == DType::kF32 || d == DType::kF64 || d == DType::kF16 || d == DType::kBF16 || is_narrow_float(d);
}

bool is_narrow_float(DType d) { return d >= DType::kF8E4M3FN && d <= DType::kF4E2M1; }

bool is_container(DType d) { return d == DType::kSequence || d == DType::kOptional; }

bool is_integer(DType d) {
  return d != DType::kUndefined && d != DType::kBool && !is_float(d) && !is_container(d);
}

bool is_signed(DType d) { return is_float(d) || (is_integer(d) && row(d).min < 0); }

int exact_integer_bits(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return 53;
    case DType::kF32:
      return 24;
    case DType::kF16:
      return 11;
    case DType::kBF16:
      return 8;
    case DType::kF8E4M3FN:
    case DType::kF8E4M3FNUZ:
      return 4;
    case DType::kF8E5M2:
    case DType::kF8E5M2FNUZ:
      return 3;
    case DType::kF4E2M1:
      return 2;
    case DType::kF8E8M0:
      return 1;
    case DType::kBool:
      return 1;
    default:
      return dtype_bits(dtype) - (is_signed(dtype) ? 1 : 0);
  }
}

int64_t dtype_min(DType dtype) { return row(dtype).min; }
int64_t dtype_max(DType dtype) { return row(dtype).max; }

float f16_to_f32(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  const uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;  // exact: at most 10 significant bits
  return sign ? -magnitude : magnitude;
}

uint16_t f32_to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);   // NaN
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // >= 65520 rounds to infinity
  if (magnitude < 0x38800000u) {                                               // subnormal or zero result
    // Adding 0.5 places the binary16 subnormal step (2^-24) at the last float bit: the FPU rounds half to
    // even.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded >> 13) - (112u << 10)));
}

float bf16_to_f32(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

uint16_t f32_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace precis
