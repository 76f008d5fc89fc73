// Properties of whole-tensor quantization: idempotent, within half a step, monotone, zero exact; per axis,
// per block and 4 bits.
#include "precis/quant/quantize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "precis/core/rng.h"

namespace precis::quant {
namespace {

Tensor random_tensor(Shape shape, uint64_t seed) {
  Tensor t(DType::kF32, std::move(shape));
  Rng rng(seed);
  for (float& x : t.data<float>()) x = rng.normal();
  return t;
}

TEST(QuantizeTensor, HalfStepIdempotentMonotone) {
  const Tensor x = random_tensor({1000}, 1);
  for (DType code : {DType::kU8, DType::kI8, DType::kI4, DType::kU4, DType::kI16, DType::kU16}) {
    const GridSpec grid{code, dtype_bits(code), GridSpec::Symmetry::kAffine};
    const Encoding e = encoding_from_range({-4, 4}, grid);
    const Tensor q = quantize_tensor(x, e);
    const Tensor back = dequantize_tensor(q, e);
    for (int64_t i = 0; i < x.numel(); ++i)
      EXPECT_LE(std::fabs(x.at_double(i) - back.at_double(i)), e.scale() * 0.5000001) << dtype_name(code);
    const Tensor again = quantize_tensor(back, e);
    for (int64_t i = 0; i < x.numel(); ++i) EXPECT_EQ(again.at_int(i), q.at_int(i));
  }
}

TEST(QuantizeTensor, TiesRoundToEvenAndSaturate) {
  const Encoding e = Encoding::per_tensor_uniform(DType::kU8, 1.0f, 10);
  const Tensor q =
      quantize_tensor(Tensor::from<float>({7}, {0.5f, 1.5f, -0.5f, 1e30f, -1e30f, NAN, INFINITY}), e);
  const int expected[] = {10, 12, 10, 255, 0, 10, 255};
  for (int i = 0; i < 7; ++i) EXPECT_EQ(q.at_int(i), expected[i]) << i;
}

TEST(WeightEncoding, PerChannelScalesAndDeadChannels) {
  const Tensor w = Tensor::from<float>({3, 2}, {1.0f, -2.0f, 0.0f, 0.0f, 0.25f, 0.127f});
  const GridSpec grid{DType::kI8, 8, GridSpec::Symmetry::kSymmetric, GridSpec::CodeRange::kRestricted};
  const Encoding e = weight_encoding(w, 0, grid);
  ASSERT_EQ(e.scales.size(), 3u);
  EXPECT_FLOAT_EQ(e.scales[0], 2.0f / 127);
  EXPECT_EQ(e.scales[1], 1.0f);  // a dead channel
  EXPECT_FLOAT_EQ(e.scales[2], 0.25f / 127);
  const Tensor q = quantize_tensor(w, e);
  const int expected[] = {64, -127, 0, 0, 127, 65};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(q.at_int(i), expected[i]) << i;
}

TEST(WeightEncoding, NonFiniteWeightsAreRefused) {
  const Tensor w = Tensor::from<float>({2}, {1.0f, INFINITY});
  EXPECT_THROW(weight_encoding(w, -1, {DType::kI8, 8, GridSpec::Symmetry::kSymmetric}), Error);
}

TEST(QuantizeTensor, GroupsAlongTheLastAxis) {
  Encoding e = Encoding::per_tensor_uniform(DType::kI8, 1.0f, 0);
  e.block = {1, 2};
  e.scales = {1, 2, 4, 8};
  const Tensor q = quantize_tensor(Tensor::from<float>({2, 4}, {8, 8, 8, 8, 8, 8, 8, 8}), e);
  const int expected[] = {8, 8, 4, 4, 2, 2, 1, 1};
  for (int i = 0; i < 8; ++i) EXPECT_EQ(q.at_int(i), expected[i]) << i;
}

// Products of short scales are exact in float; powers of two are short already.
TEST(ShortScale, TwelveBits) {
  EXPECT_EQ(short_scale(1.0f, Shorten::kUp), 1.0f);
  EXPECT_EQ(short_scale(0.25f, Shorten::kDown), 0.25f);
  EXPECT_EQ(short_scale(4097.0f / 4096, Shorten::kUp), 1 + 2.0f / 4096);
  EXPECT_EQ(short_scale(4097.0f / 4096, Shorten::kDown), 1.0f);
  Rng rng(3);
  for (int i = 0; i < 1000; ++i) {
    const float a = std::exp(rng.uniform(-20, 5)), b = std::exp(rng.uniform(-20, 5));
    const float up = short_scale(a, Shorten::kUp), down = short_scale(b, Shorten::kDown);
    EXPECT_GE(up, a);
    EXPECT_LE(down, b);
    EXPECT_LE(up, a * (1 + 1.0f / 2048));
    EXPECT_GE(down, b * (1 - 1.0f / 2048));
    EXPECT_EQ(static_cast<double>(up * down), static_cast<double>(up) * static_cast<double>(down));
  }
}

TEST(Sqnr, KnownValues) {
  const std::vector<float> a = {3, 4}, b = {3, 4.5f};
  EXPECT_NEAR(sqnr_db(a, b), 20.0, 1e-6);  // |x| = 5, |x - y| = 0.5
  EXPECT_TRUE(std::isinf(sqnr_db(a, a)));
}

}  // namespace
}  // namespace precis::quant
