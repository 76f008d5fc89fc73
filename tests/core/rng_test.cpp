// Random numbers: the known answers of the generator's authors, our own golden values, and simple statistics.
#include "precis/core/rng.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <set>
#include <vector>

namespace precis {
namespace {

using Four = std::array<uint32_t, 4>;

// kat_vectors of the Random123 distribution, philox4x32 with 10 rounds.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Four{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Four{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Four{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Rng, StreamsAreFunctionsOfSeedAndStream) {
  Rng a(1, 2), b(1, 2), other_stream(1, 3), other_seed(2, 2);
  int same_stream = 0, same_seed = 0;
  for (int i = 0; i < 100; ++i) {
    const uint32_t value = a.next_u32();
    ASSERT_EQ(value, b.next_u32());
    same_stream += value == other_stream.next_u32();
    same_seed += value == other_seed.next_u32();
  }
  EXPECT_EQ(same_stream + same_seed, 0);
  EXPECT_EQ(Rng(0, 0).next_u32(), 0x6627e8d5u);
  EXPECT_EQ(Rng(0, 0).next_u64(), 0xe169c58d6627e8d5ull);
}

TEST(Rng, BelowIsUniformAndInRange) {
  Rng rng(7);
  std::vector<int> counts(10, 0);
  for (int i = 0; i < 100'000; ++i) ++counts[rng.below(10)];
  double chi2 = 0;
  for (int c : counts) chi2 += (c - 1e4) * (c - 1e4) / 1e4;
  EXPECT_LT(chi2, 27.9);  // 9 degrees of freedom, p = 0.001
  EXPECT_EQ(rng.below(1), 0u);
  for (int i = 0; i < 1000; ++i) EXPECT_LT(rng.below((uint64_t{1} << 63) + 1), (uint64_t{1} << 63) + 1);
}

TEST(Rng, UniformStaysInside) {
  Rng rng(11);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const float v = rng.uniform();
    ASSERT_GE(v, 0.0f);
    ASSERT_LT(v, 1.0f);
    sum += v;
  }
  EXPECT_NEAR(sum / 1e5, 0.5, 4 / std::sqrt(12.0 * 1e5));
}

// The distribution function of the result gives back the uniform draw that it was made from.
TEST(Rng, NormalInvertsTheDistributionFunction) {
  Rng normal(5), raw(5);
  for (int i = 0; i < 100'000; ++i) {
    const double p = (static_cast<double>(raw.next_u64() >> 12) + 0.5) * 0x1p-52;
    const double z = normal.normal();
    const double back = 0.5 * std::erfc(-z / std::sqrt(2.0));
    const double density = std::exp(-z * z / 2) / std::sqrt(2 * M_PI);
    // z is rounded to float: half an ulp of it, seen through the density.
    ASSERT_NEAR(back, p, density * std::fabs(z) * 0x1p-23 + 1e-15 + 1e-12 * p) << z;
  }
}

TEST(Rng, NormalMoments) {
  Rng rng(13);
  double sum = 0, squares = 0, cubes = 0, fourths = 0;
  constexpr int kCount = 400'000;
  for (int i = 0; i < kCount; ++i) {
    const double z = rng.normal();
    sum += z, squares += z * z, cubes += z * z * z, fourths += z * z * z * z;
  }
  EXPECT_NEAR(sum / kCount, 0.0, 4 / std::sqrt(1.0 * kCount));
  EXPECT_NEAR(squares / kCount, 1.0, 4 * std::sqrt(2.0 / kCount));
  EXPECT_NEAR(cubes / kCount, 0.0, 4 * std::sqrt(15.0 / kCount));
  EXPECT_NEAR(fourths / kCount, 3.0, 4 * std::sqrt(96.0 / kCount));
}

}  // namespace
}  // namespace precis
