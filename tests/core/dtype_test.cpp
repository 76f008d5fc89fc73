// Element types, and the 16-bit float conversions over all their values and all their ties.
#include "precis/core/dtype.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace precis {
namespace {

TEST(DType, NamesGoBothWays) {
  for (int i = 1; i < kDTypeCount; ++i) {
    const auto d = static_cast<DType>(i);
    EXPECT_EQ(dtype_from_name(dtype_name(d)), d) << dtype_name(d);
  }
  EXPECT_EQ(dtype_from_name("float"), DType::kUndefined);
  EXPECT_EQ(dtype_bits(DType::kUndefined), 0);
  EXPECT_EQ(dtype_bits(DType::kI4), 4);
}

TEST(DType, Classes) {
  EXPECT_TRUE(is_float(DType::kBF16));
  EXPECT_FALSE(is_integer(DType::kBool));
  EXPECT_TRUE(is_integer(DType::kU4));
  EXPECT_TRUE(is_signed(DType::kI4));
  EXPECT_TRUE(is_signed(DType::kF16));
  EXPECT_FALSE(is_signed(DType::kU64));
  EXPECT_TRUE(is_narrow_float(DType::kF4E2M1) && is_float(DType::kF4E2M1));
  EXPECT_FALSE(is_narrow_float(DType::kBF16));
  EXPECT_TRUE(is_container(DType::kSequence) && !is_integer(DType::kSequence));
  EXPECT_EQ(dtype_min(DType::kI4), -8);
  EXPECT_EQ(dtype_max(DType::kU32), 4294967295);
}

// binary16 by its definition, in double.
double f16_by_definition(uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1f;
  const double mantissa = bits & 0x3ff;
  const double sign = (bits & 0x8000) ? -1.0 : 1.0;
  if (exponent == 31) return mantissa != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
}

TEST(Float16, EveryValueIsExactAndComesBack) {
  for (uint32_t b = 0; b <= 0xffff; ++b) {
    const auto bits = static_cast<uint16_t>(b);
    const double want = f16_by_definition(bits);
    const float got = f16_to_f32(bits);
    if (std::isnan(want)) {
      ASSERT_TRUE(std::isnan(got)) << b;
      ASSERT_TRUE(std::isnan(f16_to_f32(f32_to_f16(got)))) << b;
      continue;
    }
    ASSERT_EQ(static_cast<double>(got), want) << b;
    ASSERT_EQ(std::signbit(got), std::signbit(want)) << b;
    ASSERT_EQ(f32_to_f16(got), bits) << b;
  }
}

// Between every two neighbours: the middle goes to the even one, anything off the middle to the nearer one.
TEST(Float16, EveryTieGoesToEven) {
  for (uint32_t b = 0; b < 0x7c00; ++b) {
    const auto low = static_cast<uint16_t>(b), high = static_cast<uint16_t>(b + 1);
    const double next =
        high == 0x7c00 ? 65536.0 : f16_by_definition(high);  // infinity stands where 65536 would
    const auto middle = static_cast<float>((f16_by_definition(low) + next) / 2);
    for (uint16_t sign : {uint16_t{0}, uint16_t{0x8000}}) {
      const float s = sign ? -1.0f : 1.0f;
      ASSERT_EQ(f32_to_f16(s * middle), sign | (b % 2 == 0 ? low : high)) << b;
      ASSERT_EQ(f32_to_f16(s * std::nextafterf(middle, 0)), sign | low) << b;
      ASSERT_EQ(f32_to_f16(s * std::nextafterf(middle, INFINITY)), sign | high) << b;
    }
  }
}

TEST(Float16, Extremes) {
  EXPECT_EQ(f32_to_f16(65504.0f), 0x7bff);
  EXPECT_EQ(f32_to_f16(std::nextafterf(65520.0f, 0)), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(f32_to_f16(-INFINITY), 0xfc00);
  EXPECT_EQ(f32_to_f16(-0.0f), 0x8000);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(f32_to_f16(0x1p-25f), 0);  // tie between 0 and the smallest subnormal
  EXPECT_EQ(f32_to_f16(std::nextafterf(0x1p-25f, 1)), 1);
}

TEST(BFloat16, EveryValueIsExactAndComesBack) {
  for (uint32_t b = 0; b <= 0xffff; ++b) {
    const auto bits = static_cast<uint16_t>(b);
    const float value = bf16_to_f32(bits);
    ASSERT_EQ(std::bit_cast<uint32_t>(value), b << 16);
    if (std::isnan(value))
      ASSERT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(value)))) << b;
    else
      ASSERT_EQ(f32_to_bf16(value), bits) << b;
  }
}

TEST(BFloat16, EveryTieGoesToEven) {
  for (uint32_t b = 0; b < 0x7f80; ++b) {
    const uint32_t middle = (b << 16) | 0x8000u;
    for (uint32_t sign : {0u, 0x8000u}) {
      const auto value = [&](uint32_t bits) { return std::bit_cast<float>(bits | (sign << 16)); };
      ASSERT_EQ(f32_to_bf16(value(middle)), sign | (b + b % 2)) << b;
      ASSERT_EQ(f32_to_bf16(value(middle - 1)), sign | b) << b;
      ASSERT_EQ(f32_to_bf16(value(middle + 1)), sign | (b + 1)) << b;
    }
  }
}

TEST(BFloat16, NanWithOnlyLowBitsStaysNan) {
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7f800001u)))));
  EXPECT_EQ(f32_to_bf16(std::numeric_limits<float>::max()), 0x7f80);
}

}  // namespace
}  // namespace precis
