// Functions of one element. Float functions are evaluated in their own type (f32 or f64) with the C library's
// functions.
#pragma once

#include <cstdint>

namespace precis::kernels::reference {

enum class UnaryOp : uint8_t {
  kAbs,
  kNeg,
  kExp,
  kLog,
  kSqrt,
  kReciprocal,
  kFloor,
  kCeil,
  kRound,
  kSign,  // kRound: half to even; kSign(NaN) = NaN
  kSin,
  kCos,
  kTan,
  kAsin,
  kAcos,
  kAtan,
  kSinh,
  kCosh,
  kTanh,
  kAsinh,
  kAcosh,
  kAtanh,
  kErf,
  kRelu,             // max(x, 0), NaN stays
  kLeakyRelu,        // x < 0 ? alpha x : x
  kElu,              // x < 0 ? alpha (exp(x) - 1) : x
  kSelu,             // gamma (x <= 0 ? alpha (exp(x) - 1) : x)
  kCelu,             // max(0, x) + min(0, alpha (exp(x / alpha) - 1))
  kThresholdedRelu,  // x > alpha ? x : 0
  kSigmoid,          // 1 / (1 + exp(-x)), without overflow
  kHardSigmoid,      // max(0, min(1, alpha x + beta))
  kHardSwish,        // x max(0, min(1, x / 6 + 0.5))
  kSwish,            // x sigmoid(alpha x)
  kMish,             // x tanh(softplus(x))
  kGelu,             // 0.5 x (1 + erf(x / sqrt 2))
  kGeluTanh,         // 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
  kSoftplus,         // ln(1 + exp(x)), without overflow
  kSoftsign,         // x / (1 + |x|)
  kShrink,           // x < -alpha ? x + beta : x > alpha ? x - beta : 0   (alpha = lambd, beta = bias)
};

struct UnaryParams {
  double alpha = 0, beta = 0, gamma = 0;
};

// y[i] = op(x[i]); in place when y == x. For f32 and f64.
template <typename T>
void unary(UnaryOp op, const UnaryParams& params, int64_t n, const T* x, T* y);

// Abs, Neg, Sign and Relu of integers (kAbs and kNeg of the lowest value wrap). Other operators leave y
// unwritten.
template <typename T>
void unary_int(UnaryOp op, int64_t n, const T* x, T* y);

// y = min(max(x, lo), hi); NaN stays. For all numeric types.
template <typename T>
void clip(int64_t n, const T* x, T lo, T hi, T* y);

enum class Infinities : uint8_t { kNone = 0, kNegative = 1, kPositive = 2, kBoth = 3 };
template <typename T>
void is_nan(int64_t n, const T* x, uint8_t* y);
template <typename T>
void is_inf(int64_t n, Infinities which, const T* x, uint8_t* y);

}  // namespace precis::kernels::reference
