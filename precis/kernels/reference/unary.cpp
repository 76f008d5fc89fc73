// One loop per function: the operator is chosen outside of the loop.
#include "precis/kernels/reference/unary.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "precis/core/rounding.h"

namespace precis::kernels::reference {
namespace {

template <typename T, typename F>
void map(int64_t n, const T* x, T* y, F f) {
  for (int64_t i = 0; i < n; ++i) y[i] = f(x[i]);
}

template <typename T>
T sigmoid(T x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const T e = std::exp(x);
  return e / (1 + e);
}

template <typename T>
T softplus(T x) {
  return std::max(x, T{0}) + std::log1p(std::exp(-std::abs(x)));
}

template <typename T>
T clamp_unit(T x) {
  return std::max(T{0}, std::min(T{1}, x));
}

template <typename T>
T gelu_tanh(T x) {
  const T root = static_cast<T>(0.7978845608028654);  // sqrt(2 / pi)
  return T(0.5) * x * (1 + std::tanh(root * (x + T(0.044715) * x * x * x)));
}

// False when `op` is not one of the plain mathematical functions.
template <typename T>
bool elementary(UnaryOp op, int64_t n, const T* x, T* y) {
  switch (op) {
    case UnaryOp::kAbs:
      map(n, x, y, [](T v) { return std::abs(v); });
      return true;
    case UnaryOp::kNeg:
      map(n, x, y, [](T v) { return -v; });
      return true;
    case UnaryOp::kExp:
      map(n, x, y, [](T v) { return std::exp(v); });
      return true;
    case UnaryOp::kLog:
      map(n, x, y, [](T v) { return std::log(v); });
      return true;
    case UnaryOp::kSqrt:
      map(n, x, y, [](T v) { return std::sqrt(v); });
      return true;
    case UnaryOp::kReciprocal:
      map(n, x, y, [](T v) { return 1 / v; });
      return true;
    case UnaryOp::kFloor:
      map(n, x, y, [](T v) { return std::floor(v); });
      return true;
    case UnaryOp::kCeil:
      map(n, x, y, [](T v) { return std::ceil(v); });
      return true;
    case UnaryOp::kRound:
      map(n, x, y, [](T v) { return round_half_even(v); });
      return true;
    case UnaryOp::kSign:
      map(n, x, y, [](T v) { return v > 0 ? T{1} : v < 0 ? T{-1} : v == 0 ? T{0} : v; });
      return true;
    case UnaryOp::kSin:
      map(n, x, y, [](T v) { return std::sin(v); });
      return true;
    case UnaryOp::kCos:
      map(n, x, y, [](T v) { return std::cos(v); });
      return true;
    case UnaryOp::kTan:
      map(n, x, y, [](T v) { return std::tan(v); });
      return true;
    case UnaryOp::kAsin:
      map(n, x, y, [](T v) { return std::asin(v); });
      return true;
    case UnaryOp::kAcos:
      map(n, x, y, [](T v) { return std::acos(v); });
      return true;
    case UnaryOp::kAtan:
      map(n, x, y, [](T v) { return std::atan(v); });
      return true;
    case UnaryOp::kSinh:
      map(n, x, y, [](T v) { return std::sinh(v); });
      return true;
    case UnaryOp::kCosh:
      map(n, x, y, [](T v) { return std::cosh(v); });
      return true;
    case UnaryOp::kTanh:
      map(n, x, y, [](T v) { return std::tanh(v); });
      return true;
    case UnaryOp::kAsinh:
      map(n, x, y, [](T v) { return std::asinh(v); });
      return true;
    case UnaryOp::kAcosh:
      map(n, x, y, [](T v) { return std::acosh(v); });
      return true;
    case UnaryOp::kAtanh:
      map(n, x, y, [](T v) { return std::atanh(v); });
      return true;
    case UnaryOp::kErf:
      map(n, x, y, [](T v) { return std::erf(v); });
      return true;
    default:
      return false;
  }
}

template <typename T>
void activation(UnaryOp op, T a, T b, T g, int64_t n, const T* x, T* y) {
  switch (op) {
    case UnaryOp::kRelu:
      return map(n, x, y, [](T v) { return v < 0 ? T{0} : v; });
    case UnaryOp::kLeakyRelu:
      return map(n, x, y, [a](T v) { return v < 0 ? a * v : v; });
    case UnaryOp::kElu:
      return map(n, x, y, [a](T v) { return v < 0 ? a * std::expm1(v) : v; });
    case UnaryOp::kSelu:
      return map(n, x, y, [a, g](T v) { return g * (v <= 0 ? a * std::expm1(v) : v); });
    case UnaryOp::kCelu:
      return map(n, x, y, [a](T v) { return std::max(T{0}, v) + std::min(T{0}, a * std::expm1(v / a)); });
    case UnaryOp::kThresholdedRelu:
      return map(n, x, y, [a](T v) { return v > a ? v : T{0}; });
    case UnaryOp::kSigmoid:
      return map(n, x, y, [](T v) { return sigmoid(v); });
    case UnaryOp::kHardSigmoid:
      return map(n, x, y, [a, b](T v) { return clamp_unit(a * v + b); });
    case UnaryOp::kHardSwish:
      return map(n, x, y, [](T v) { return v * clamp_unit(v / 6 + T(0.5)); });
    case UnaryOp::kSwish:
      return map(n, x, y, [a](T v) { return v * sigmoid(a * v); });
    case UnaryOp::kMish:
      return map(n, x, y, [](T v) { return v * std::tanh(softplus(v)); });
    case UnaryOp::kGelu:
      return map(n, x, y,
                 [](T v) { return T(0.5) * v * (1 + std::erf(v * static_cast<T>(0.7071067811865476))); });
    case UnaryOp::kGeluTanh:
      return map(n, x, y, [](T v) { return gelu_tanh(v); });
    case UnaryOp::kSoftplus:
      return map(n, x, y, [](T v) { return softplus(v); });
    case UnaryOp::kSoftsign:
      return map(n, x, y, [](T v) { return v / (1 + std::abs(v)); });
    case UnaryOp::kShrink:
      return map(n, x, y, [a, b](T v) { return v < -a ? v + b : v > a ? v - b : T{0}; });
    default:
      return;
  }
}

}  // namespace

template <typename T>
void unary(UnaryOp op, const UnaryParams& p, int64_t n, const T* x, T* y) {
  if (!elementary(op, n, x, y))
    activation(op, static_cast<T>(p.alpha), static_cast<T>(p.beta), static_cast<T>(p.gamma), n, x, y);
}

template <typename T>
void unary_int(UnaryOp op, int64_t n, const T* x, T* y) {
  using U = std::make_unsigned_t<T>;
  const auto negated = [](T v) { return static_cast<T>(static_cast<U>(U{0} - static_cast<U>(v))); };
  if (op == UnaryOp::kAbs) map(n, x, y, [&](T v) { return v < T{0} ? negated(v) : v; });
  if (op == UnaryOp::kNeg) map(n, x, y, negated);
  if (op == UnaryOp::kSign) map(n, x, y, [](T v) { return static_cast<T>((v > T{0}) - (v < T{0})); });
  if (op == UnaryOp::kRelu) map(n, x, y, [](T v) { return std::max(v, T{0}); });
}

template <typename T>
void clip(int64_t n, const T* x, T lo, T hi, T* y) {
  map(n, x, y, [lo, hi](T v) {
    const T low = v < lo ? lo : v;
    return low > hi ? hi : low;
  });
}

template <typename T>
void is_nan(int64_t n, const T* x, uint8_t* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::isnan(x[i]);
}

template <typename T>
void is_inf(int64_t n, Infinities which, const T* x, uint8_t* y) {
  const int mask = static_cast<int>(which);
  for (int64_t i = 0; i < n; ++i) {
    const int sign =
        x[i] > 0 ? static_cast<int>(Infinities::kPositive) : static_cast<int>(Infinities::kNegative);
    y[i] = std::isinf(x[i]) && (mask & sign) != 0;
  }
}

#define PRECIS_FLOATS(T)                                                   \
  template void unary(UnaryOp, const UnaryParams&, int64_t, const T*, T*); \
  template void is_nan(int64_t, const T*, uint8_t*);                       \
  template void is_inf(int64_t, Infinities, const T*, uint8_t*);
PRECIS_FLOATS(float)
PRECIS_FLOATS(double)
#undef PRECIS_FLOATS
template void clip(int64_t, const float*, float, float, float*);
template void clip(int64_t, const double*, double, double, double*);
#define PRECIS_INTS(T)                                     \
  template void unary_int(UnaryOp, int64_t, const T*, T*); \
  template void clip(int64_t, const T*, T, T, T*);
PRECIS_INTS(int8_t)
PRECIS_INTS(uint8_t)
PRECIS_INTS(int16_t)
PRECIS_INTS(uint16_t)
PRECIS_INTS(int32_t)
PRECIS_INTS(uint32_t)
PRECIS_INTS(int64_t)
PRECIS_INTS(uint64_t)
#undef PRECIS_INTS

}  // namespace precis::kernels::reference
