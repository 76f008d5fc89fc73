// Checked integer arithmetic for sizes and counts: every product of dimensions goes through here, so that a hostile
// shape becomes an Error(kLimit) and never a wrapped number.
#pragma once

#include <cstdint>
#include <span>

#include "precis/core/error.h"

namespace precis {

// Error(kLimit): "size overflow: a OP b does not fit 63 bits".
[[noreturn]] void fail_overflow(int64_t a, const char* op, int64_t b);

inline int64_t checked_mul(int64_t a, int64_t b) {
  int64_t r = 0;
  if (__builtin_mul_overflow(a, b, &r)) [[unlikely]]
    fail_overflow(a, "x", b);
  return r;
}

inline int64_t checked_add(int64_t a, int64_t b) {
  int64_t r = 0;
  if (__builtin_add_overflow(a, b, &r)) [[unlikely]]
    fail_overflow(a, "+", b);
  return r;
}

inline int64_t checked_sub(int64_t a, int64_t b) {
  int64_t r = 0;
  if (__builtin_sub_overflow(a, b, &r)) [[unlikely]]
    fail_overflow(a, "-", b);
  return r;
}

// Product of `dims` (1 for an empty span); a zero dimension gives 0 whatever the others are.
inline int64_t checked_product(std::span<const int64_t> dims) {
  for (int64_t d : dims)
    if (d == 0) return 0;
  int64_t r = 1;
  for (int64_t d : dims) r = checked_mul(r, d);
  return r;
}

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }  // a >= 0, b > 0
inline int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

}  // namespace precis
