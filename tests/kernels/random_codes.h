// Random codes, zero points and activation limits for the parity tests of the fast int8 kernels.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "precis/core/rng.h"
#include "precis/kernels/reference/requantize.h"
#include "precis/kernels/simd/int8.h"

namespace precis::kernels::simd {

inline int code_of(std::byte b, CodeType t) {
  return t == CodeType::kU8 ? std::to_integer<int>(b) : static_cast<int8_t>(b);
}

struct Random {
  explicit Random(uint64_t seed) : rng(seed) {}
  Rng rng;
  int64_t in(int64_t lo, int64_t hi) {
    return lo + static_cast<int64_t>(rng.below(static_cast<uint64_t>(hi - lo + 1)));
  }
  bool coin() { return rng.below(2) == 0; }
  CodeType type() { return coin() ? CodeType::kU8 : CodeType::kS8; }
  int32_t zero_point(CodeType t) {
    return static_cast<int32_t>(t == CodeType::kU8 ? in(0, 255) : in(-128, 127));
  }
  std::vector<std::byte> codes(int64_t n) {
    std::vector<std::byte> v(static_cast<size_t>(n));
    const int mode = static_cast<int>(in(0, 3));  // extremes saturate pairs in careless kernels
    for (auto& b : v)
      b = mode == 0   ? (coin() ? std::byte{255} : std::byte{0})
          : mode == 1 ? (coin() ? std::byte{0x7f} : std::byte{0x80})
                      : static_cast<std::byte>(in(0, 255));
    return v;
  }
};

struct Limits {
  float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
  reference::FusedActivation activation;
};

inline Limits limits_of(Random& r) {
  Limits l;
  const int kind = static_cast<int>(r.in(0, 2));
  if (kind == 1) {
    l.low = 0;
    l.activation = reference::fused_relu();
  } else if (kind == 2) {
    l.activation = reference::fused_clip(0, 6, 0.05f);
    l.low = l.activation.lo;
    l.high = l.activation.hi;
  }
  return l;
}

}  // namespace precis::kernels::simd
