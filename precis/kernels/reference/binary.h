// Functions of two (and three) broadcast elements. The walk's operands are a, b[, c], y.
// Integers wrap modulo 2^n. x / 0 and x mod 0 of integers are 0 (NumPy's convention); lowest / -1 wraps.
#pragma once

#include <cstdint>

#include "precis/kernels/reference/walk.h"

namespace precis::kernels::reference {

enum class BinaryOp : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,   // kDiv of integers truncates
  kPow,   // integers: by repeated squaring; a negative exponent gives 0 unless the base is 1 or -1
  kMod,   // integers only: the sign of the divisor, as Python's %
  kFmod,  // the sign of the dividend, as C's fmod
  kMin,
  kMax,    // NaN wins
  kPRelu,  // a < 0 ? a * b : a
};
template <typename T>
void binary(BinaryOp op, const Walk<3>& walk, const T* a, const T* b, T* y);

enum class BitOp : uint8_t {
  kAnd,
  kOr,
  kXor,
  kShiftLeft,
  kShiftRight
};  // shifts by the width or more give 0
template <typename T>
void bitwise(BitOp op, const Walk<3>& walk, const T* a, const T* b, T* y);  // unsigned T: the raw bits

enum class CompareOp : uint8_t { kEqual, kGreater, kGreaterOrEqual, kLess, kLessOrEqual };
template <typename T>
void compare(CompareOp op, const Walk<3>& walk, const T* a, const T* b, uint8_t* y);

enum class LogicOp : uint8_t { kAnd, kOr, kXor };
void logic(LogicOp op, const Walk<3>& walk, const uint8_t* a, const uint8_t* b, uint8_t* y);

// y = condition ? a : b; T is any type of the element's size.
template <typename T>
void where(const Walk<4>& walk, const uint8_t* condition, const T* a, const T* b, T* y);

}  // namespace precis::kernels::reference
