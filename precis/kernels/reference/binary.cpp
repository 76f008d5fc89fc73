// One row loop per function: the operator is chosen outside of the loops.
#include "precis/kernels/reference/binary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

namespace precis::kernels::reference {
namespace {

template <typename T, typename R, typename F>
void map_rows(const Walk<3>& walk, const T* a, const T* b, R* y, F f) {
  for_each_row(walk, [&](const auto& at, int64_t n, const auto& step) {
    const T* pa = a + at[0];
    const T* pb = b + at[1];
    R* py = y + at[2];
    for (int64_t i = 0; i < n; ++i) py[i * step[2]] = f(pa[i * step[0]], pb[i * step[1]]);
  });
}

// The unsigned type that T's arithmetic wraps in: at least 32 bits wide, so that no promotion to int can
// overflow.
template <typename T>
using Wrapping = std::conditional_t<(sizeof(T) < 4), uint32_t, std::make_unsigned_t<T>>;

template <typename T>
T divide(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return a / b;
  } else {
    if (b == 0) return 0;
    if constexpr (std::is_signed_v<T>)
      if (b == -1) return static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(a));
    return static_cast<T>(a / b);
  }
}

template <typename T>
T remainder_of(T a, T b) {  // the sign of a
  if constexpr (std::is_floating_point_v<T>) {
    return std::fmod(a, b);
  } else {
    if (b == 0) return 0;
    if constexpr (std::is_signed_v<T>)
      if (b == -1) return 0;
    return static_cast<T>(a % b);
  }
}

template <typename T>
T modulo(T a, T b) {  // the sign of b
  const T r = remainder_of(a, b);
  return r != 0 && ((r < 0) != (b < 0)) ? static_cast<T>(r + b) : r;
}

template <typename T>
T power(T base, T exponent) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::pow(base, exponent);
  } else {
    if constexpr (std::is_signed_v<T>)
      if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
    using U = Wrapping<T>;
    U result = 1, square = static_cast<U>(base);
    for (auto e = static_cast<std::make_unsigned_t<T>>(exponent); e != 0;
         e = static_cast<decltype(e)>(e >> 1)) {
      if (e & 1u) result *= square;
      square *= square;
    }
    return static_cast<T>(result);
  }
}

template <typename T>
bool is_nan_value(T v) {
  if constexpr (std::is_floating_point_v<T>) return std::isnan(v);
  return false;
}

template <typename T>
T wrap_mul(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a * b;
  else
    return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
}

template <typename T>
T wrap_add(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a + b;
  else
    return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
}

template <typename T>
T wrap_sub(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a - b;
  else
    return static_cast<T>(static_cast<Wrapping<T>>(a) - static_cast<Wrapping<T>>(b));
}

}  // namespace

template <typename T>
void binary(BinaryOp op, const Walk<3>& walk, const T* a, const T* b, T* y) {
  switch (op) {
    case BinaryOp::kAdd:
      return map_rows(walk, a, b, y, wrap_add<T>);
    case BinaryOp::kSub:
      return map_rows(walk, a, b, y, wrap_sub<T>);
    case BinaryOp::kMul:
      return map_rows(walk, a, b, y, wrap_mul<T>);
    case BinaryOp::kDiv:
      return map_rows(walk, a, b, y, divide<T>);
    case BinaryOp::kPow:
      return map_rows(walk, a, b, y, power<T>);
    case BinaryOp::kMod:
      return map_rows(walk, a, b, y, modulo<T>);
    case BinaryOp::kFmod:
      return map_rows(walk, a, b, y, remainder_of<T>);
    case BinaryOp::kMin:
      return map_rows(walk, a, b, y, [](T u, T v) { return is_nan_value(u) || u < v ? u : v; });
    case BinaryOp::kMax:
      return map_rows(walk, a, b, y, [](T u, T v) { return is_nan_value(u) || u > v ? u : v; });
    case BinaryOp::kPRelu:
      return map_rows(walk, a, b, y, [](T u, T v) { return u < T{0} ? wrap_mul(u, v) : u; });
  }
}

template <typename T>
void bitwise(BitOp op, const Walk<3>& walk, const T* a, const T* b, T* y) {
  constexpr T kWidth = std::numeric_limits<T>::digits;
  switch (op) {
    case BitOp::kAnd:
      return map_rows(walk, a, b, y, [](T u, T v) { return static_cast<T>(u & v); });
    case BitOp::kOr:
      return map_rows(walk, a, b, y, [](T u, T v) { return static_cast<T>(u | v); });
    case BitOp::kXor:
      return map_rows(walk, a, b, y, [](T u, T v) { return static_cast<T>(u ^ v); });
    case BitOp::kShiftLeft:
      return map_rows(walk, a, b, y,
                      [](T u, T v) { return v >= kWidth ? T{0} : static_cast<T>(Wrapping<T>{u} << v); });
    case BitOp::kShiftRight:
      return map_rows(walk, a, b, y, [](T u, T v) { return v >= kWidth ? T{0} : static_cast<T>(u >> v); });
  }
}

template <typename T>
void compare(CompareOp op, const Walk<3>& walk, const T* a, const T* b, uint8_t* y) {
  switch (op) {
    case CompareOp::kEqual:
      return map_rows(walk, a, b, y, [](T u, T v) { return u == v; });
    case CompareOp::kGreater:
      return map_rows(walk, a, b, y, [](T u, T v) { return u > v; });
    case CompareOp::kGreaterOrEqual:
      return map_rows(walk, a, b, y, [](T u, T v) { return u >= v; });
    case CompareOp::kLess:
      return map_rows(walk, a, b, y, [](T u, T v) { return u < v; });
    case CompareOp::kLessOrEqual:
      return map_rows(walk, a, b, y, [](T u, T v) { return u <= v; });
  }
}

void logic(LogicOp op, const Walk<3>& walk, const uint8_t* a, const uint8_t* b, uint8_t* y) {
  switch (op) {
    case LogicOp::kAnd:
      return map_rows(walk, a, b, y, [](uint8_t u, uint8_t v) { return u && v; });
    case LogicOp::kOr:
      return map_rows(walk, a, b, y, [](uint8_t u, uint8_t v) { return u || v; });
    case LogicOp::kXor:
      return map_rows(walk, a, b, y, [](uint8_t u, uint8_t v) { return !u != !v; });
  }
}

template <typename T>
void where(const Walk<4>& walk, const uint8_t* condition, const T* a, const T* b, T* y) {
  for_each_row(walk, [&](const auto& at, int64_t n, const auto& step) {
    for (int64_t i = 0; i < n; ++i)
      y[at[3] + i * step[3]] =
          condition[at[0] + i * step[0]] ? a[at[1] + i * step[1]] : b[at[2] + i * step[2]];
  });
}

#define PRECIS_NUMERIC(T)                                                 \
  template void binary(BinaryOp, const Walk<3>&, const T*, const T*, T*); \
  template void compare(CompareOp, const Walk<3>&, const T*, const T*, uint8_t*);
#define PRECIS_BITS(T)                                                  \
  template void bitwise(BitOp, const Walk<3>&, const T*, const T*, T*); \
  template void where(const Walk<4>&, const uint8_t*, const T*, const T*, T*);
PRECIS_NUMERIC(float)
PRECIS_NUMERIC(double)
PRECIS_NUMERIC(int8_t)
PRECIS_NUMERIC(int16_t)
PRECIS_NUMERIC(int32_t)
PRECIS_NUMERIC(int64_t)
PRECIS_NUMERIC(uint8_t)
PRECIS_NUMERIC(uint16_t)
PRECIS_NUMERIC(uint32_t)
PRECIS_NUMERIC(uint64_t)
PRECIS_BITS(uint8_t)
PRECIS_BITS(uint16_t)
PRECIS_BITS(uint32_t)
PRECIS_BITS(uint64_t)
#undef PRECIS_NUMERIC
#undef PRECIS_BITS

}  // namespace precis::kernels::reference
