// The numeric contract: half to even, saturation, and what becomes of NaN and infinity.
#include "precis/core/rounding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace precis {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(Rounding, HalvesGoToEven) {
  for (int i = -1000; i < 1000; ++i) {
    const float half = static_cast<float>(i) + 0.5f;
    const float want = static_cast<float>(i % 2 == 0 ? i : i + 1);
    ASSERT_EQ(round_half_even(half), want) << i;
    ASSERT_EQ(round_half_even(static_cast<double>(half)), static_cast<double>(want)) << i;
    ASSERT_EQ(round_half_even(std::nextafterf(half, -kInf)), static_cast<float>(i)) << i;
    ASSERT_EQ(round_half_even(std::nextafterf(half, kInf)), static_cast<float>(i + 1)) << i;
  }
  EXPECT_EQ(round_half_even(8388609.0f), 8388609.0f);  // past 2^23 every float is whole
  EXPECT_TRUE(std::signbit(round_half_even(-0.25f)));
}

TEST(Saturate, EdgesNanAndInfinity) {
  EXPECT_EQ(saturate_to_int(127.0f, -128, 127, 0), 127);
  EXPECT_EQ(saturate_to_int(128.0f, -128, 127, 0), 127);
  EXPECT_EQ(saturate_to_int(-129.0f, -128, 127, 0), -128);
  EXPECT_EQ(saturate_to_int(kInf, 0, 255, 7), 255);
  EXPECT_EQ(saturate_to_int(-kInf, 0, 255, 7), 0);
  EXPECT_EQ(saturate_to_int(kNan, 0, 255, 7), 7);
  EXPECT_EQ(saturate_to_int(3e38f, -32768, 32767, 0), 32767);
}

TEST(Quantize, ContractOnHandComputedValues) {
  // 2.5 / 1 -> 2, 3.5 -> 4, then the zero point is added: the tie is decided before it.
  EXPECT_EQ(quantize_value(2.5f, 1.0f, 1, 0, 255), 3);
  EXPECT_EQ(quantize_value(3.5f, 1.0f, 1, 0, 255), 5);
  EXPECT_EQ(quantize_value(-2.5f, 1.0f, 128, 0, 255), 126);
  EXPECT_EQ(quantize_value(0.0f, 0.1f, 77, 0, 255), 77);  // zero is exact
  EXPECT_EQ(quantize_value(-0.0f, 0.1f, 77, 0, 255), 77);
  EXPECT_EQ(quantize_value(kNan, 0.1f, 77, 0, 255), 77);
  EXPECT_EQ(quantize_value(kInf, 0.1f, 77, 0, 255), 255);
  EXPECT_EQ(quantize_value(1e38f, 1e-38f, 0, -128, 127), 127);  // the quotient overflows
  EXPECT_EQ(quantize_value(std::numeric_limits<float>::denorm_min(), 1.0f, 0, -128, 127), 0);
}

TEST(Quantize, EveryCodeSurvivesDequantizeAndQuantize) {
  for (float scale : {1.0f, 0.1f, 0.0039215689f, 3e-5f, 7.77e3f})
    for (int32_t zero_point : {0, 1, 128, 255})
      for (int32_t q = 0; q <= 255; ++q)
        ASSERT_EQ(quantize_value(dequantize_value(q, scale, zero_point), scale, zero_point, 0, 255), q)
            << scale;
}

}  // namespace
}  // namespace precis
