// Element-wise functions, reductions and moves at their corners: integer wrap-around, division by zero, NaN,
// ties, empty sets, broadcasting.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "precis/kernels/reference/binary.h"
#include "precis/kernels/reference/move.h"
#include "precis/kernels/reference/normalize.h"
#include "precis/kernels/reference/reduce.h"
#include "precis/kernels/reference/resize.h"
#include "precis/kernels/reference/softmax.h"
#include "precis/kernels/reference/unary.h"

namespace precis::kernels::reference {
namespace {

using testing::ElementsAre;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <typename T>
T apply(BinaryOp op, T a, T b) {
  T y;
  binary(op, broadcast_walk(Shape{}, Shape{}, Shape{}), &a, &b, &y);
  return y;
}

template <typename T>
T apply(UnaryOp op, T x, UnaryParams p = {}) {
  T y;
  unary(op, p, 1, &x, &y);
  return y;
}

TEST(Walk, MergesWhatIsContiguous) {
  EXPECT_EQ(broadcast_walk(Shape{2, 3, 4}, Shape{2, 3, 4}).dims, (std::vector<int64_t>{24}));
  EXPECT_EQ(broadcast_walk(Shape{3, 1}, Shape{2, 3, 4}).dims, (std::vector<int64_t>{2, 3, 4}));
  EXPECT_EQ(broadcast_walk(Shape{}, Shape{2, 3}).dims, (std::vector<int64_t>{6}));
  EXPECT_TRUE(broadcast_walk(Shape{0}, Shape{2, 0}).empty);
}

TEST(Binary, BroadcastsBothWays) {
  const int32_t a[] = {1, 2}, b[] = {10, 20, 30};
  int32_t y[6];
  binary(BinaryOp::kAdd, broadcast_walk(Shape{2, 1}, Shape{3}, Shape{2, 3}), a, b, y);
  EXPECT_THAT(y, ElementsAre(11, 21, 31, 12, 22, 32));
}

TEST(Binary, IntegersNeverTrap) {
  constexpr int32_t kLow = std::numeric_limits<int32_t>::min();
  EXPECT_EQ(apply<int32_t>(BinaryOp::kDiv, 7, 0), 0);
  EXPECT_EQ(apply<int32_t>(BinaryOp::kDiv, kLow, -1), kLow);
  EXPECT_EQ(apply<int32_t>(BinaryOp::kDiv, -7, 2), -3);
  EXPECT_EQ(apply<int32_t>(BinaryOp::kMod, 7, 0), 0);
  EXPECT_EQ(apply<int32_t>(BinaryOp::kMod, kLow, -1), 0);
  EXPECT_EQ(apply<int32_t>(BinaryOp::kAdd, kLow, -1), std::numeric_limits<int32_t>::max());
  EXPECT_EQ(apply<int8_t>(BinaryOp::kMul, 100, 3), static_cast<int8_t>(300));
  EXPECT_EQ(apply<uint16_t>(BinaryOp::kMul, 65535, 65535), 1);
}

TEST(Binary, ModuloSigns) {
  EXPECT_EQ(apply<int32_t>(BinaryOp::kMod, -7, 3), 2);
  EXPECT_EQ(apply<int32_t>(BinaryOp::kMod, 7, -3), -2);
  EXPECT_EQ(apply<int32_t>(BinaryOp::kFmod, -7, 3), -1);
  EXPECT_EQ(apply<float>(BinaryOp::kFmod, -7.5f, 2), -1.5f);
}

TEST(Binary, IntegerPowers) {
  EXPECT_EQ(apply<int64_t>(BinaryOp::kPow, 3, 4), 81);
  EXPECT_EQ(apply<int32_t>(BinaryOp::kPow, 2, -1), 0);
  EXPECT_EQ(apply<int32_t>(BinaryOp::kPow, -1, -3), -1);
  EXPECT_EQ(apply<int32_t>(BinaryOp::kPow, 0, 0), 1);
}

TEST(Binary, NanWinsInMinAndMax) {
  EXPECT_TRUE(std::isnan(apply<float>(BinaryOp::kMin, kNan, 1)));
  EXPECT_TRUE(std::isnan(apply<float>(BinaryOp::kMax, 1, kNan)));
}

TEST(Binary, ShiftsByTheWidthGiveZero) {
  const uint8_t a[] = {0x81, 0x81, 0x81}, b[] = {1, 8, 255};
  uint8_t y[3];
  const auto walk = broadcast_walk(Shape{3}, Shape{3}, Shape{3});
  bitwise(BitOp::kShiftLeft, walk, a, b, y);
  EXPECT_THAT(y, ElementsAre(2, 0, 0));
  bitwise(BitOp::kShiftRight, walk, a, b, y);
  EXPECT_THAT(y, ElementsAre(0x40, 0, 0));
}

TEST(Unary, ActivationsAtTheEnds) {
  EXPECT_EQ(apply<float>(UnaryOp::kSigmoid, 1000), 1);
  EXPECT_EQ(apply<float>(UnaryOp::kSigmoid, -1000), 0);
  EXPECT_EQ(apply<float>(UnaryOp::kSoftplus, 1000), 1000);
  EXPECT_EQ(apply<float>(UnaryOp::kSoftplus, -1000), 0);
  EXPECT_EQ(apply<float>(UnaryOp::kHardSwish, -3), 0);
  EXPECT_EQ(apply<float>(UnaryOp::kHardSwish, 3), 3);
  EXPECT_EQ(apply<float>(UnaryOp::kRound, 2.5f), 2);
  EXPECT_EQ(apply<float>(UnaryOp::kRound, -1.5f), -2);
  EXPECT_TRUE(std::isnan(apply<float>(UnaryOp::kRelu, kNan)));
  EXPECT_TRUE(std::isnan(apply<float>(UnaryOp::kSign, kNan)));
  EXPECT_EQ(apply<float>(UnaryOp::kLeakyRelu, -2, {0.5}), -1);
}

TEST(Unary, LowestIntegerWraps) {
  const int8_t x[] = {-128, 5};
  int8_t y[2];
  unary_int(UnaryOp::kAbs, 2, x, y);
  EXPECT_THAT(y, ElementsAre(-128, 5));
}

TEST(Unary, ClipKeepsNanAndPrefersTheUpperLimit) {
  const float x[] = {-1, 0.5f, 9, kNan};
  float y[4];
  clip(4, x, 2.0f, 1.0f, y);
  EXPECT_EQ(y[0], 1);
  EXPECT_EQ(y[1], 1);
  EXPECT_TRUE(std::isnan(y[3]));
}

TEST(Softmax, LargeValuesDoNotOverflow) {
  const float x[] = {1000, 1000, -1000};
  float y[3];
  softmax(SoftmaxOp::kSoftmax, 1, 3, 1, x, y);
  EXPECT_THAT(y, ElementsAre(0.5f, 0.5f, 0.0f));
  softmax(SoftmaxOp::kHardmax, 1, 3, 1, x, y);
  EXPECT_THAT(y, ElementsAre(1, 0, 0));
  softmax(SoftmaxOp::kLogSoftmax, 1, 3, 1, x, y);
  EXPECT_NEAR(y[0], -0.693147f, 1e-6);
}

template <typename T>
T reduce_all(ReduceOp op, const std::vector<T>& x) {
  T y{}, scratch{};
  const Shape shape{static_cast<int64_t>(x.size())};
  const std::vector<int64_t> zero(1, 0);
  reduce(op, make_walk<2>(shape.dims(), {shape.strides(), zero}), 1, shape[0], x.data(), &y, &scratch);
  return y;
}

TEST(Reduce, EmptySets) {
  EXPECT_EQ(reduce_all<float>(ReduceOp::kSum, {}), 0);
  EXPECT_EQ(reduce_all<float>(ReduceOp::kProd, {}), 1);
  EXPECT_EQ(reduce_all<float>(ReduceOp::kMax, {}), -kInf);
  EXPECT_EQ(reduce_all<int32_t>(ReduceOp::kMin, {}), std::numeric_limits<int32_t>::max());
  EXPECT_TRUE(std::isnan(reduce_all<float>(ReduceOp::kMean, {})));
  EXPECT_EQ(reduce_all<int32_t>(ReduceOp::kMean, {}), 0);
  EXPECT_EQ(reduce_all<float>(ReduceOp::kLogSumExp, {}), -kInf);
}

TEST(Reduce, LogSumExpDoesNotOverflow) {
  EXPECT_NEAR(reduce_all<float>(ReduceOp::kLogSumExp, {1000, 1000}), 1000.693f, 1e-3);
  EXPECT_EQ(reduce_all<float>(ReduceOp::kLogSumExp, {-kInf, -kInf}), -kInf);
  EXPECT_EQ(reduce_all<int32_t>(ReduceOp::kLogSumExp, {100}), 21);  // exp(100) saturates at 2^31 - 1
}

TEST(Reduce, TopKOrdersNanFirstAndTiesByIndex) {
  const float x[] = {2, kNan, 5, 2, 5};
  float values[4];
  int64_t indices[4], order[5];
  top_k(Extreme::kMax, 1, 5, 1, 4, x, values, indices, order);
  EXPECT_THAT(indices, ElementsAre(1, 2, 4, 0));
  top_k(Extreme::kMin, 1, 5, 1, 4, x, values, indices, order);
  EXPECT_THAT(indices, ElementsAre(0, 3, 2, 4));
}

TEST(Reduce, ArgExtremeTies) {
  const int32_t x[] = {3, 7, 7, 1};
  int64_t y;
  arg_extreme(Extreme::kMax, Ties::kFirst, 1, 4, 1, x, &y);
  EXPECT_EQ(y, 1);
  arg_extreme(Extreme::kMax, Ties::kLast, 1, 4, 1, x, &y);
  EXPECT_EQ(y, 2);
}

TEST(Reduce, ScanBothWays) {
  const int32_t x[] = {1, 2, 3};
  int32_t y[3];
  scan(Accumulate::kSum, ScanStart::kExclusive, ScanDirection::kReverse, 1, 3, 1, x, y);
  EXPECT_THAT(y, ElementsAre(5, 3, 0));
}

TEST(Move, MapAxesFillsWhatIsOutside) {
  const uint16_t x[] = {1, 2, 3, 4}, value = 9;
  uint16_t y[6];
  const std::vector<std::vector<int64_t>> maps = {{2, 0}, {-1, 1, 0}};
  map_axes(maps, 2, reinterpret_cast<const std::byte*>(x), reinterpret_cast<const std::byte*>(&value),
           reinterpret_cast<std::byte*>(y));
  EXPECT_THAT(y, ElementsAre(9, 4, 3, 9, 2, 1));
}

TEST(Move, ScatterReducesInOrder) {
  float y[] = {1, 1, 1};
  const float updates[] = {2, 3, 4};
  const std::vector<int64_t> at = {0, 0, 2};
  scatter(Reduction::kAdd, at, 1, updates, y);
  EXPECT_THAT(y, ElementsAre(6, 1, 5));
  scatter(Reduction::kNone, at, 1, updates, y);
  EXPECT_THAT(y, ElementsAre(3, 1, 4));
}

TEST(Resize, WeightsOfEveryOutputSumToOne) {
  for (const auto mode : {ResizeMode::kLinear, ResizeMode::kCubic})
    for (const bool antialias : {false, true})
      for (const auto& [in, out] : {std::pair<int64_t, int64_t>{7, 3}, {3, 7}, {5, 1}, {1, 4}}) {
        ResizeAxis a;
        a.mode = mode;
        a.antialias = antialias;
        a.in = in;
        a.out = out;
        a.scale = static_cast<double>(out) / static_cast<double>(in);
        const ResizeTaps t = resize_taps(a);
        for (int64_t o = 0; o < out; ++o) {
          double sum = 0;
          for (int64_t k = 0; k < t.taps; ++k) {
            sum += t.weight[static_cast<size_t>(o * t.taps + k)];
            EXPECT_LT(t.index[static_cast<size_t>(o * t.taps + k)], in);
          }
          EXPECT_NEAR(sum, 1, 1e-6) << in << " to " << out;
        }
      }
}

TEST(Normalize, LrnWindowIsCutAtTheEnds) {
  const float x[] = {1, 2, 3};
  float y[3];
  lrn({.batch = 1, .channels = 3, .inner = 1, .size = 3, .alpha = 3, .beta = 1, .bias = 1}, x, y);
  EXPECT_THAT(y, ElementsAre(1.0f / 6, 2.0f / 15, 3.0f / 14));
}

}  // namespace
}  // namespace precis::kernels::reference
