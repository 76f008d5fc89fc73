// Encodings: the common constructors and the axis question.
#include "precis/core/encoding.h"

#include "tests/support/expect_error.h"

namespace precis {
namespace {

TEST(Encoding, PerTensor) {
  const Encoding e = Encoding::per_tensor_uniform(DType::kU8, 0.5f, 128);
  EXPECT_TRUE(e.defined());
  EXPECT_TRUE(e.per_tensor());
  EXPECT_EQ(e.bits, 8);
  EXPECT_EQ(e.code_min, 0);
  EXPECT_EQ(e.code_max, 255);
  EXPECT_EQ(e.zero_point(), 128);
  EXPECT_EQ(encoding_axis(e, {2, 3}), -1);
  EXPECT_FALSE(Encoding().defined());
}

TEST(Encoding, PerAxis) {
  const Encoding e = Encoding::per_axis_uniform(DType::kI8, {2, 3, 4}, 1, {1, 2, 3}, {0, 0, 0});
  EXPECT_EQ(e.block, (std::vector<int64_t>{2, 1, 4}));
  EXPECT_TRUE(e.zero_points.empty());  // all zero: symmetric
  EXPECT_EQ(encoding_axis(e, {2, 3, 4}), 1);
  EXPECT_EQ(Encoding::per_axis_uniform(DType::kI8, {2}, 0, {1, 2}, {0, 5}).zero_point(1), 5);
}

TEST(Encoding, GroupsAreNoSingleAxis) {
  Encoding e = Encoding::per_tensor_uniform(DType::kI4, 1.0f, 0);
  e.block = {1, 32};
  e.scales.assign(8, 1.0f);
  EXPECT_EQ(encoding_axis(e, {4, 64}), -2);
  EXPECT_EQ(encoding_axis(e, {4, 64, 1}), -2);
}

TEST(Encoding, CountsThatDoNotFitAreRefused) {
  EXPECT_ERROR((void)Encoding::per_axis_uniform(DType::kI8, {2, 3}, 1, {1, 2}), ErrorCode::kMalformed,
               "2 scales");
  EXPECT_ERROR((void)Encoding::per_axis_uniform(DType::kI8, {2, 3}, 2, {1, 2}), ErrorCode::kMalformed,
               "axis 2");
  EXPECT_ERROR((void)Encoding::per_axis_uniform(DType::kI8, {2}, 0, {1, 2}, {1}), ErrorCode::kMalformed,
               "1 zero points for 2 scales");
}

}  // namespace
}  // namespace precis
