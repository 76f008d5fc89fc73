// Random cases for the parity tests of the fast int8 kernels: codes, grids, activations, and convolutions
// with the results that the contract (kernels/reference) gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "precis/core/isa.h"
#include "precis/core/rng.h"
#include "precis/kernels/reference/requantize.h"
#include "precis/kernels/simd/int8.h"

namespace precis::kernels::simd {

inline int code_of(std::byte b, CodeType t) {
  return t == CodeType::kU8 ? std::to_integer<int>(b) : static_cast<int8_t>(b);
}
inline reference::OutputGrid grid_of(CodeType t, int32_t zero_point) {
  return {zero_point, t == CodeType::kU8 ? 0 : -128, t == CodeType::kU8 ? 255 : 127};
}

struct Random {
  explicit Random(uint64_t seed) : rng(seed) {}
  Rng rng;
  int64_t in(int64_t lo, int64_t hi) {
    return lo + static_cast<int64_t>(rng.below(static_cast<uint64_t>(hi - lo + 1)));
  }
  bool coin() { return rng.below(2) == 0; }
  bool one_in(int64_t n) { return in(1, n) == 1; }
  CodeType type() { return coin() ? CodeType::kU8 : CodeType::kS8; }
  int32_t zero_point(CodeType t) {
    const int32_t lowest = t == CodeType::kU8 ? 0 : -128;
    return lowest + static_cast<int32_t>(one_in(4) ? 255 * in(0, 1) : in(0, 255));
  }
  std::vector<std::byte> codes(int64_t n);  // at random, or only extremes
};

struct Limits {
  float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
  reference::FusedActivation activation;
};
Limits limits_of(Random& r);

// The instruction sets of this CPU that have fast kernels.
std::vector<Isa> fast_isas();

struct ConvCase {
  ConvShape shape;
  CodeType x_type = CodeType::kU8, y_type = CodeType::kU8, r_type = CodeType::kU8;
  int32_t x_zp = 0, y_zp = 0, r_zp = 0;
  std::vector<std::byte> x, residual;
  std::vector<int16_t> weights;  // [out, in / groups, taps], centred
  std::vector<float> multiplier;
  std::vector<int32_t> bias;
  float residual_multiplier = 0;
  bool with_residual = false, real = false;
  Limits limits;
  int64_t y_stride = 0;             // elements
  std::vector<std::byte> expected;  // of y, what lies between the pixels included

  std::vector<std::byte> blank() const;  // y before a kernel has run
  Epilogue epilogue() const;             // but multiplier and bias
};

enum class Kind { kAny, kDepthwise };
enum class WeightRange { kS8, kWide };  // kWide: what s8 or u8 codes with a zero point reach
ConvCase random_case(uint64_t seed, Kind kind, WeightRange range);

}  // namespace precis::kernels::simd
