// Shapes: counts, strides, axes, broadcasting.
#include "precis/core/shape.h"

#include "tests/support/expect_error.h"

namespace precis {
namespace {

TEST(Shape, CountsAndStrides) {
  const Shape s{2, 3, 4};
  EXPECT_EQ(s.numel(), 24);
  EXPECT_EQ(s.outer(2), 6);
  EXPECT_EQ(s.inner(1), 12);
  EXPECT_EQ(s.outer(0), 1);
  EXPECT_EQ(s.inner(3), 1);
  EXPECT_EQ(s.strides(), (std::vector<int64_t>{12, 4, 1}));
  EXPECT_EQ(s.str(), "[2,3,4]");
  EXPECT_EQ(Shape().numel(), 1);
  EXPECT_EQ(Shape().str(), "[]");
  EXPECT_EQ((Shape{5, 0, 3}).numel(), 0);
}

TEST(Shape, OverflowIsAnErrorNotANumber) {
  const int64_t big = int64_t{1} << 33;
  EXPECT_ERROR((Shape{big, big}).numel(), ErrorCode::kLimit, "size overflow");
  EXPECT_ERROR((Shape{1, big, big}).strides(), ErrorCode::kLimit, "size overflow");
}

TEST(Shape, Axes) {
  EXPECT_EQ(normalize_axis(-1, 4, "Softmax 's'"), 3);
  EXPECT_EQ(normalize_axis(0, 4, "x"), 0);
  EXPECT_ERROR(normalize_axis(4, 4, "Concat 'c'"), ErrorCode::kMalformed, "Concat 'c': axis 4");
  EXPECT_ERROR(normalize_axis(-5, 4, "x"), ErrorCode::kMalformed, "[-4, 3]");
  EXPECT_ERROR(normalize_axis(INT64_MIN, 4, "x"), ErrorCode::kMalformed, "axis");
}

TEST(Shape, Broadcasting) {
  EXPECT_EQ(broadcast_shapes({3, 1}, {1, 4}), (Shape{3, 4}));
  EXPECT_EQ(broadcast_shapes({}, {2, 3}), (Shape{2, 3}));
  EXPECT_EQ(broadcast_shapes({5, 1, 3}, {3}), (Shape{5, 1, 3}));
  EXPECT_EQ(broadcast_shapes({0}, {1}), (Shape{0}));
  EXPECT_ERROR(broadcast_shapes({2, 3}, {2, 4}), ErrorCode::kMalformed, "[2,3] and [2,4]");
  EXPECT_ERROR(broadcast_shapes({0}, {2}), ErrorCode::kMalformed, "do not broadcast");
}

}  // namespace
}  // namespace precis
