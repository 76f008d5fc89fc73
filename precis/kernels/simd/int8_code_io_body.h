// Reading codes as centred integers and writing results as codes, over the vector (`Lanes`) that the including file has chosen.
// Included behind int8_lanes_avx2.h or int8_lanes_avx512.h only.
#pragma once

#include <algorithm>
#include <cmath>

namespace precis::kernels::simd {
namespace {

using Real = Lanes::Real;
using Int = Lanes::Int;

// Codes as centred int32. s8 codes are read as u8 with the sign bit flipped and their zero point moved along.
struct CodeReader {
  CodeReader(CodeType type, int32_t zero_point)
      : flip(Lanes::set_raw(type == CodeType::kU8 ? 0 : 0x80)), zero(Lanes::set(type == CodeType::kU8 ? zero_point : zero_point + 128)) {}
  template <typename Count>
  Int centred(const std::byte* p, Count count) const {
    return Lanes::subtract(Lanes::widen(Lanes::exclusive_or(Lanes::load(p, count), flip)), zero);
  }
  template <typename Count>
  Real operator()(const std::byte* p, Count count) const {
    return Lanes::real(centred(p, count));
  }
  Lanes::Raw flip;
  Int zero;
};

// saturate(rne(t) + zero_point) with t clamped to the activation's limits first. Rounding is monotone, so one clamp to the
// narrower of both limits gives the same codes, and no conversion can overflow.
struct CodeWriter {
  CodeWriter(float zero_point, float code_min, float code_max, float low = -INFINITY, float high = INFINITY)
      : low(Lanes::set(std::min(std::max(low, code_min - zero_point), code_max - zero_point))),
        high(Lanes::set(std::max(std::min(high, code_max - zero_point), code_min - zero_point))),
        zero(Lanes::set(static_cast<int32_t>(zero_point))) {}
  template <typename Count>
  void operator()(std::byte* p, Count count, Real t) const {
    Lanes::store_codes(p, count, Lanes::add(Lanes::rounded(Lanes::clamped(t, low, high)), zero));
  }
  Real low, high;
  Int zero;
};

}  // namespace
}  // namespace precis::kernels::simd
