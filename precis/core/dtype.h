// Element types of tensors, and the scalar conversions of f16 and bf16 (those of narrower floats:
// narrow_float.h). Types of less than a byte are packed, the first element in the low bits, as ONNX stores
// them. Sequences and optionals are the "types" of values that hold tensors (Tensor::items).
#pragma once

#include <cstdint>
#include <string_view>

namespace precis {

enum class DType : uint8_t {
  kUndefined = 0,
  kF32,
  kF64,
  kF16,
  kBF16,
  kI8,
  kU8,
  kI16,
  kU16,
  kI32,
  kU32,
  kI64,
  kU64,
  kBool,
  kI4,
  kU4,
  kI2,
  kU2,
  // Narrow floats: storage with exact conversions, no arithmetic of their own.
  kF8E4M3FN,
  kF8E4M3FNUZ,
  kF8E5M2,
  kF8E5M2FNUZ,
  kF8E8M0,
  kF4E2M1,
  kSequence,
  kOptional,
};
inline constexpr int kDTypeCount = static_cast<int>(DType::kOptional) + 1;

int dtype_bits(DType dtype);          // 4 for kI4/kU4, 8 for kBool; 0 for kUndefined, sequences and optionals
const char* dtype_name(DType dtype);  // "f32", "u8", ...
DType dtype_from_name(std::string_view name);  // kUndefined when unknown
bool is_float(DType dtype);                    // narrow floats too
bool is_narrow_float(DType dtype);             // 8-bit and 4-bit floats
bool is_container(DType dtype);                // sequence or optional
bool is_integer(DType dtype);                  // signed or unsigned integers, not bool
bool is_signed(DType dtype);                   // signed integers and floats
// Integers of so many bits are all exact in it: those of an integer's magnitude, of a float's significand.
int exact_integer_bits(DType dtype);
// Smallest and largest code of an integer type of at most 32 bits (as int64).
int64_t dtype_min(DType dtype);
int64_t dtype_max(DType dtype);

// IEEE 754 binary16 and bfloat16 as raw bits; float -> narrow rounds half to even, overflow gives infinity,
// NaN stays NaN.
float f16_to_f32(uint16_t bits);
uint16_t f32_to_f16(float value);
float bf16_to_f32(uint16_t bits);
uint16_t f32_to_bf16(float value);

template <typename T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::kF32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::kF64;
};
template <>
struct DTypeOf<int8_t> {
  static constexpr DType value = DType::kI8;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::kU8;
};
template <>
struct DTypeOf<int16_t> {
  static constexpr DType value = DType::kI16;
};
template <>
struct DTypeOf<uint16_t> {
  static constexpr DType value = DType::kU16;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::kI32;
};
template <>
struct DTypeOf<uint32_t> {
  static constexpr DType value = DType::kU32;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr DType value = DType::kI64;
};
template <>
struct DTypeOf<uint64_t> {
  static constexpr DType value = DType::kU64;
};
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::kBool;
};
template <typename T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

}  // namespace precis
