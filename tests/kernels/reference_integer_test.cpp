// The integer contract at its edges: ties, saturation, huge and tiny multipliers, NaN, fused activations and
// residuals, biases, the accumulator proof, and the loops over codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "precis/kernels/reference/codes.h"
#include "precis/kernels/reference/requantize.h"

namespace precis::kernels::reference {
namespace {

using testing::ElementsAre;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Requantize by(float multiplier, int32_t zero_point = 0, int32_t lo = -128, int32_t hi = 127) {
  Requantize p;
  p.multiplier = multiplier;
  p.grid = {zero_point, lo, hi};
  return p;
}

TEST(Requantize, TiesGoToEven) {
  const Requantize half = by(0.5f);
  EXPECT_EQ(requantize(half, 1), 0);
  EXPECT_EQ(requantize(half, 3), 2);
  EXPECT_EQ(requantize(half, 5), 2);
  EXPECT_EQ(requantize(half, -1), 0);
  EXPECT_EQ(requantize(half, -3), -2);
}

TEST(Requantize, TiesAreDecidedBeforeTheZeroPointIsAdded) {
  EXPECT_EQ(requantize(by(0.5f, 1), 1), 1);  // rne(0.5) + 1, not rne(1.5)
  EXPECT_EQ(requantize(by(0.5f, 1), 3), 3);  // rne(1.5) + 1 = 3, not rne(2.5) = 2
}

TEST(Requantize, SaturatesToTheCodeRange) {
  EXPECT_EQ(requantize(by(1, 0, -127, 127), -1000), -127);
  EXPECT_EQ(requantize(by(1, 128, 0, 255), 1000), 255);
  EXPECT_EQ(requantize(by(1, 128, 0, 255), -1000), 0);
  EXPECT_EQ(requantize(by(1, 0, -127, 127), std::numeric_limits<int32_t>::min()), -127);
}

TEST(Requantize, HugeAndTinyMultipliers) {
  EXPECT_EQ(requantize(by(3e38f), 7), 127);  // overflows to infinity
  EXPECT_EQ(requantize(by(3e38f), -7), -128);
  EXPECT_EQ(requantize(by(3e38f, 5), 0), 5);
  EXPECT_EQ(requantize(by(1e-40f, 5), std::numeric_limits<int32_t>::max()), 5);
  EXPECT_EQ(requantize(by(kInf, 5), 0), 5);  // 0 * inf is NaN: the zero point
  EXPECT_EQ(requantize(by(kNan, 5), 1), 5);
}

TEST(Requantize, BiasIsAddedInFloat) {
  Requantize p = by(1, 0, -32768, 32767);
  p.bias = 1;
  EXPECT_EQ(requantize(p, 41), 42);
  p.multiplier = 0x1p-15f;
  EXPECT_EQ(requantize(p, 0x1000000), 512);  // 2^24 + 1 is no float: the bias is lost
}

TEST(Requantize, FusedActivationsComeBeforeTheRounding) {
  Requantize p = by(0.1f, 10, 0, 255);
  p.activation = fused_relu();
  EXPECT_EQ(requantize(p, -50), 10);
  EXPECT_EQ(requantize(p, 50), 15);
  p.activation = fused_clip(0, 6, 0.5f);  // in units of the output: [0, 12]
  EXPECT_EQ(requantize(p, 1000), 22);
  EXPECT_EQ(requantize(p, -1000), 10);
  EXPECT_FLOAT_EQ(fused_clip(-1, 6, 0.1f).hi, 60.0f);
  EXPECT_EQ(fused_clip(-kInf, kInf, 0.1f).hi, kInf);
  EXPECT_TRUE(std::isnan(activate(fused_relu(), kNan)));
}

TEST(Requantize, ResidualIsOneFusedMultiplyAdd) {
  Requantize p = by(0.25f, 0);
  p.residual_multiplier = 0.5f;
  EXPECT_EQ(requantize_sum(p, 8, 3), 4);   // 2 + 1.5 = 3.5
  EXPECT_EQ(requantize_sum(p, 8, -3), 0);  // 2 - 1.5 = 0.5
  p.activation = fused_relu();
  EXPECT_EQ(requantize_sum(p, 0, -10), 0);
}

TEST(Multipliers, AreRoundedToFloatOnce) {
  const float sx = 0.1f, sw = 0.3f, sy = 0.7f;
  EXPECT_EQ(requantize_multiplier(sx, sw, sy), static_cast<float>(double{sx} * double{sw} / double{sy}));
  EXPECT_EQ(rescale_multiplier(sx, sy), static_cast<float>(double{sx} / double{sy}));
  EXPECT_EQ(average_multiplier(sx, sy, 49), static_cast<float>(double{sx} / (double{sy} * 49)));
}

TEST(BiasCode, RoundsSaturatesAndTakesNanAsZero) {
  EXPECT_EQ(bias_code(2.5, 1, 1), 2);
  EXPECT_EQ(bias_code(-3.5, 1, 1), -4);
  EXPECT_EQ(bias_code(1e30, 1e-3f, 1e-3f), std::numeric_limits<int32_t>::max());
  EXPECT_EQ(bias_code(-1e30, 1e-3f, 1e-3f), std::numeric_limits<int32_t>::min());
  EXPECT_EQ(bias_code(kNan, 1, 1), 0);
}

TEST(AccumulatorProof, HoldsBelowTwoToThe31) {
  EXPECT_TRUE(accumulator_fits(8'421'504, 255, 127));   // 2^31 - 1
  EXPECT_FALSE(accumulator_fits(8'421'504, 255, 128));  // 2^31
  EXPECT_FALSE(accumulator_fits(8'421'504, 255, -128));
  EXPECT_FALSE(accumulator_fits(std::numeric_limits<int64_t>::max(), 2, 0));
  EXPECT_TRUE(accumulator_fits(0, 255, std::numeric_limits<int32_t>::max()));
}

TEST(Codes, QuantizeEdges) {
  const float x[] = {0, 0.5f, 1.5f, -0.5f, 300, -300, kInf, -kInf, kNan, -0.0f};
  uint8_t y[10];
  quantize(10, x, 1, {3, 0, 255}, y);
  EXPECT_THAT(y, ElementsAre(3, 3, 5, 3, 255, 0, 255, 0, 3, 3));
  const float half[] = {127.5f, -128.5f};
  int8_t s[2];
  quantize(2, half, 1, {0, -127, 127}, s);
  EXPECT_THAT(s, ElementsAre(127, -127));
}

TEST(Codes, DequantizeIsExactForWideDifferences) {
  const int32_t x[] = {std::numeric_limits<int32_t>::max(), -1};
  float y[2];
  dequantize(2, x, 0.5f, -1, y);
  EXPECT_THAT(y, ElementsAre(0x1p30f, 0.0f));
}

TEST(Codes, AddUsesOneFma) {
  const int32_t a[] = {10, -10, 3}, b[] = {1, 1, 1};
  int32_t y[3];
  const Shape shape{3};
  add_codes({0.5f, 0.25f, {}, {2, 0, 255}}, broadcast_walk(shape, shape, shape), a, b, y);
  EXPECT_THAT(y, ElementsAre(7, 0, 4));  // 5.25, -4.75, 1.75 and the zero point
}

TEST(Codes, MultiplyBroadcasts) {
  const int32_t a[] = {2, -3}, b[] = {5};
  int32_t y[2];
  multiply_codes({0.1f, fused_relu(), {0, -128, 127}}, broadcast_walk(Shape{2}, Shape{}, Shape{2}), a, b, y);
  EXPECT_THAT(y, ElementsAre(1, 0));
}

TEST(Codes, DynamicGridHoldsZero) {
  const float positive[] = {51, 102};
  EXPECT_EQ(dynamic_grid_u8(2, positive).zero_point, 0);
  EXPECT_FLOAT_EQ(dynamic_grid_u8(2, positive).scale, 0.4f);
  const float zeros[] = {0, 0};
  EXPECT_EQ(dynamic_grid_u8(2, zeros).scale, 1.0f);
  EXPECT_EQ(dynamic_grid_u8(0, zeros).zero_point, 0);
}

}  // namespace
}  // namespace precis::kernels::reference
