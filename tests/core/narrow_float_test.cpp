// Narrow floats over all their values, all their ties, and the tables of special values that ONNX Cast
// states.
#include "precis/core/narrow_float.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "precis/core/tensor.h"

namespace precis {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

struct Type {
  DType dtype;
  int bits;
  double largest, smallest;  // largest finite value, smallest above zero
  int nan, infinity;         // their patterns; -1 where there is none
};
const Type kTypes[] = {
    {DType::kF8E4M3FN, 8, 448, 0x1p-9, 0x7f, -1},
    {DType::kF8E4M3FNUZ, 8, 240, 0x1p-10, 0x80, -1},
    {DType::kF8E5M2, 8, 57344, 0x1p-16, 0x7e, 0x7c},
    {DType::kF8E5M2FNUZ, 8, 57344, 0x1p-17, 0x80, -1},
    {DType::kF4E2M1, 4, 6, 0.5, -1, -1},
};

// The finite values that are not negative, ascending.
std::vector<double> ascending(const Type& t) {
  std::vector<double> values;
  for (int b = 0; b < 1 << (t.bits - 1); ++b) {
    const double v = narrow_to_double(t.dtype, static_cast<uint8_t>(b));
    if (std::isfinite(v)) values.push_back(v);
  }
  return values;
}

TEST(NarrowFloat, RangesAreThoseOfTheirDefinitions) {
  for (const Type& t : kTypes) {
    SCOPED_TRACE(dtype_name(t.dtype));
    const auto values = ascending(t);
    EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
    EXPECT_EQ(values[0], 0);
    EXPECT_EQ(values[1], t.smallest);
    EXPECT_EQ(values.back(), t.largest);
  }
  // A few by hand: sign, exponent, mantissa.
  EXPECT_EQ(narrow_to_double(DType::kF8E4M3FN, 0b0'0111'000), 1.0);
  EXPECT_EQ(narrow_to_double(DType::kF8E4M3FN, 0b1'1000'100), -3.0);
  EXPECT_EQ(narrow_to_double(DType::kF8E4M3FNUZ, 0b0'1000'000), 1.0);
  EXPECT_EQ(narrow_to_double(DType::kF8E5M2, 0b0'01111'01), 1.25);
  EXPECT_EQ(narrow_to_double(DType::kF8E5M2FNUZ, 0b0'10000'01), 1.25);
  EXPECT_EQ(narrow_to_double(DType::kF4E2M1, 0b1'10'1), -3.0);
}

TEST(NarrowFloat, EveryValueComesBack) {
  for (const Type& t : kTypes)
    for (int b = 0; b < 1 << t.bits; ++b) {
      const double v = narrow_to_double(t.dtype, static_cast<uint8_t>(b));
      const uint8_t back = double_to_narrow(t.dtype, v, {.saturate = false});
      if (std::isnan(v))
        EXPECT_TRUE(std::isnan(narrow_to_double(t.dtype, back))) << dtype_name(t.dtype) << b;
      else
        EXPECT_EQ(back, b) << dtype_name(t.dtype) << ' ' << v;
    }
}

TEST(NarrowFloat, RoundsHalfToEvenBetweenAllNeighbours) {
  for (const Type& t : kTypes) {
    const auto values = ascending(t);
    for (size_t i = 0; i + 1 < values.size(); ++i) {
      const double middle = (values[i] + values[i + 1]) / 2;  // exact in double
      const auto even = i % 2 == 0 ? i : i + 1;
      EXPECT_EQ(double_to_narrow(t.dtype, middle), even) << dtype_name(t.dtype) << ' ' << middle;
      EXPECT_EQ(double_to_narrow(t.dtype, std::nextafter(middle, 0)), i);
      EXPECT_EQ(double_to_narrow(t.dtype, std::nextafter(middle, kInf)), i + 1);
      if (i > 0) {
        EXPECT_EQ(narrow_to_double(t.dtype, double_to_narrow(t.dtype, -middle)), -values[even]);
      }
    }
  }
}

TEST(NarrowFloat, OutOfRangeAndSpecialValues) {
  for (const Type& t : kTypes) {
    SCOPED_TRACE(dtype_name(t.dtype));
    const auto back = [&](double v, bool saturate) {
      return narrow_to_double(t.dtype, double_to_narrow(t.dtype, v, {.saturate = saturate}));
    };
    // Half a step above the largest value still rounds to it.
    EXPECT_EQ(back(t.largest * (1 + 1e-9), false), t.largest);
    for (double v : {kInf, 1e30, t.largest * 1.5}) {
      EXPECT_EQ(back(v, true), t.largest);
      EXPECT_EQ(back(-v, true), -t.largest);
      if (t.infinity >= 0) {
        EXPECT_EQ(back(v, false), kInf);
        EXPECT_EQ(back(-v, false), -kInf);
      } else if (t.nan >= 0) {
        EXPECT_TRUE(std::isnan(back(v, false)) && std::isnan(back(-v, false)));
      } else {
        EXPECT_EQ(back(v, false), t.largest);
      }
    }
    if (t.nan >= 0) {
      EXPECT_EQ(double_to_narrow(t.dtype, std::nan("")), t.nan);
    } else {
      EXPECT_EQ(double_to_narrow(t.dtype, std::nan("")), 0b1000);
    }
    const bool keeps_minus_zero = t.nan != 0x80;
    EXPECT_EQ(std::signbit(back(-0.0, true)), keeps_minus_zero);
    EXPECT_EQ(std::signbit(back(-t.smallest / 4, true)), keeps_minus_zero);
  }
}

TEST(NarrowFloat, PowersOfTwo) {
  for (int b = 0; b < 0xff; ++b) {
    const double v = std::ldexp(1.0, b - 127);
    EXPECT_EQ(narrow_to_double(DType::kF8E8M0, static_cast<uint8_t>(b)), v);
    for (auto mode : {PowerRounding::kUp, PowerRounding::kDown, PowerRounding::kNearest})
      EXPECT_EQ(double_to_narrow(DType::kF8E8M0, v, {.powers = mode}), b);
  }
  const auto bits = [](double v, PowerRounding mode, bool saturate = true) {
    return static_cast<int>(double_to_narrow(DType::kF8E8M0, v, {saturate, mode}));
  };
  EXPECT_EQ(bits(1.1, PowerRounding::kUp), 128);
  EXPECT_EQ(bits(1.9, PowerRounding::kDown), 127);
  EXPECT_EQ(bits(1.49, PowerRounding::kNearest), 127);
  EXPECT_EQ(bits(1.5, PowerRounding::kNearest), 128);
  EXPECT_EQ(bits(kInf, PowerRounding::kUp), 0xfe);
  EXPECT_EQ(bits(kInf, PowerRounding::kUp, false), 0xff);
  EXPECT_EQ(bits(0x1.8p127, PowerRounding::kUp), 0xfe);
  EXPECT_EQ(bits(0x1.8p127, PowerRounding::kNearest, false), 0xff);
  EXPECT_EQ(bits(0, PowerRounding::kUp), 0);
  EXPECT_EQ(bits(0, PowerRounding::kNearest, false), 0xff);
  EXPECT_EQ(bits(std::nan(""), PowerRounding::kUp), 0xff);
  EXPECT_TRUE(std::isnan(narrow_to_double(DType::kF8E8M0, 0xff)));
}

TEST(NarrowTensor, CastsThroughAllTypesAndPacks) {
  const Tensor x = Tensor::from<float>({5}, {-1, 0.5f, 1.5f, 6, -4});
  for (const Type& t : kTypes) {
    const Tensor y = x.cast(t.dtype);
    EXPECT_EQ(y.nbytes(), t.bits == 4 ? 3 : 5);
    for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(y.at_double(i), x.at_double(i)) << dtype_name(t.dtype);
    EXPECT_EQ(y.at_int(3), 6);
    EXPECT_EQ(y.cast(DType::kI8).at_int(4), -4);
  }
}

TEST(NarrowTensor, TwoBitsPackFourToTheByte) {
  const Tensor x = Tensor::from<int8_t>({5}, {-2, -1, 0, 1, -2});
  const Tensor y = x.cast(DType::kI2);
  ASSERT_EQ(y.nbytes(), 2);
  EXPECT_EQ(std::to_integer<int>(y.bytes()[0]), 0b01'00'11'10);
  EXPECT_EQ(std::to_integer<int>(y.bytes()[1]), 0b10);
  for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(y.at_int(i), x.at_int(i));
  EXPECT_EQ(Tensor::from<int32_t>({1}, {6}).cast(DType::kU2).at_int(0), 2);  // the low bits
  Tensor z(DType::kU2, {3});
  z.set_int(1, 3);
  EXPECT_EQ(z.at_int(0) + 10 * z.at_int(1) + 100 * z.at_int(2), 30);
}

}  // namespace
}  // namespace precis
