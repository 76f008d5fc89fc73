// Sums and maxima over rows of floats in 16 stripes, whatever the vectors' length: element i belongs to
// stripe i % 16, and the stripes are joined in a fixed order. So every instruction set gives the same bits.
// Included only by files compiled for one of them (FloatLanes).
#pragma once

#include <algorithm>

#include "precis/kernels/simd/int8_unroll.h"

namespace precis::kernels::simd {
namespace {

constexpr int64_t kStripes = 16;
constexpr int kStripeVectors = static_cast<int>(kStripes / FloatLanes::kCount);

struct Stripes {
  FloatLanes::Vector part[kStripeVectors];

  static Stripes of(float v) {
    Stripes s;
    unroll<kStripeVectors>([&](auto i) { s.part[i] = FloatLanes::set(v); });
    return s;
  }
  // Calls f(part, 16 values' part, offset) for rows of n values; what is missing in the last 16 is `filler`.
  template <typename F>
  void over(const float* x, int64_t n, float filler, const F& f) {
    int64_t i = 0;
    for (; i + kStripes <= n; i += kStripes)
      unroll<kStripeVectors>([&](auto k) {
        part[k] = f(part[k], FloatLanes::load(x + i + k * FloatLanes::kCount), i + k * FloatLanes::kCount);
      });
    if (i == n) return;
    float rest[kStripes];
    std::fill_n(rest, kStripes, filler);
    std::copy(x + i, x + n, rest);
    unroll<kStripeVectors>([&](auto k) {
      part[k] = f(part[k], FloatLanes::load(rest + k * FloatLanes::kCount), i + k * FloatLanes::kCount);
    });
  }
  template <typename Join>
  float joined(const Join& join) const {
    float all[kStripes];
    unroll<kStripeVectors>([&](auto k) { FloatLanes::store(all + k * FloatLanes::kCount, part[k]); });
    for (int64_t half = kStripes / 2; half > 0; half /= 2)
      for (int64_t i = 0; i < half; ++i) all[i] = join(all[i], all[i + half]);
    return all[0];
  }
  float sum() const {
    return joined([](float a, float b) { return a + b; });
  }
};

}  // namespace
}  // namespace precis::kernels::simd
