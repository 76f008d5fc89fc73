// Ratios whose products keep away from the middle between two integers.
#include "precis/quant/tie_free.h"

#include <gtest/gtest.h>

#include <cmath>

#include "precis/core/rng.h"

namespace precis::quant {
namespace {

// n * p / q against the middle, in units of 1 / (2 q): integers only.
int64_t distance_to_middle(int64_t n, const OddRatio& r) {
  const int64_t rest = ((2 * n * r.p) % (2 * r.q) + 2 * r.q) % (2 * r.q);
  return std::abs(rest - r.q);
}

TEST(TieFreeRatio, ByHand) {
  EXPECT_EQ(tie_free_ratio(1.0 / 3, Shorten::kUp)->q, 3);
  EXPECT_EQ(tie_free_ratio(3, Shorten::kDown)->value(), 3);
  EXPECT_EQ(tie_free_ratio(0.5, Shorten::kUp)->value(),
            256.0 / 511);  // 1 / 2 itself would put every odd number in the middle
  EXPECT_EQ(tie_free_ratio(0.5, Shorten::kDown)->value(), 255.0 / 511);
}

TEST(TieFreeRatio, StaysNearAndAwayFromTheMiddle) {
  Rng rng(5);
  for (int i = 0; i < 300; ++i) {
    const double m = std::exp(rng.uniform(-8, 1));
    for (const Shorten direction : {Shorten::kUp, Shorten::kDown}) {
      const auto r = tie_free_ratio(m, direction);
      ASSERT_TRUE(r) << m;
      EXPECT_EQ(r->q % 2, 1);
      EXPECT_LE(r->q, 8191);
      EXPECT_NEAR(r->value() / m, 1, 1.0 / 500) << m;
      EXPECT_GE((r->value() / m - 1) * (direction == Shorten::kUp ? 1 : -1), -2e-6) << m;
      for (int64_t n = -5000; n <= 5000; n += 7)
        ASSERT_GE(distance_to_middle(n, *r), 1) << n << " * " << r->p << " / " << r->q;
    }
  }
}

TEST(TieFreeRatio, DenominatorsAreMultiplesOfTheFactor) {
  const auto r = tie_free_ratio(0.00731, Shorten::kUp, 45);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->q % 90, 45);
  EXPECT_NEAR(r->value(), 0.00731, 0.00731 / 128);
}

TEST(TieFreeRatio, NoneForMultipliersTooSmall) {
  EXPECT_FALSE(tie_free_ratio(1e-6, Shorten::kUp));
  EXPECT_FALSE(tie_free_ratio(1e-6, Shorten::kDown));
  EXPECT_FALSE(tie_free_ratio(0, Shorten::kUp));
}

TEST(TieFreeRatio, NoneForMultipliersBeyondAllIntegers) {
  for (const double m : {1e8, 1e19, 1e30, 1e300, HUGE_VAL, std::nan("")})
    for (const int64_t factor : {int64_t{1}, int64_t{45}}) {
      EXPECT_FALSE(tie_free_ratio(m, Shorten::kUp, factor)) << m;
      EXPECT_FALSE(tie_free_ratio(m, Shorten::kDown, factor)) << m;
    }
  EXPECT_NEAR(tie_free_ratio(1 << 24, Shorten::kUp)->value(), 1 << 24, 32);
}

}  // namespace
}  // namespace precis::quant
