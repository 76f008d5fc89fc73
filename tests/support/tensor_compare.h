// Comparisons of tensors whose failure shows type, shape, the first bad element and its neighbours:
//   EXPECT_TRUE(tensors_equal(got, want));  EXPECT_TRUE(tensors_close(got, want, {.relative = 1e-5}));
#pragma once

#include <gtest/gtest.h>

#include "precis/core/tensor.h"

namespace precis::test {

struct Tolerance {
  double absolute = 0;
  double relative = 0;  // of |want|
};

// Same type, same shape, same bits (so NaN equals the same NaN, and 0 differs from -0).
testing::AssertionResult tensors_equal(const Tensor& got, const Tensor& want);
// Same type and shape, |got - want| <= absolute + relative * |want|; NaN matches NaN, infinities match
// themselves.
testing::AssertionResult tensors_close(const Tensor& got, const Tensor& want, Tolerance tolerance);

// Seeded float values, uniform in [lo, hi).
Tensor random_tensor(const Shape& shape, uint64_t seed, float lo = -1.0f, float hi = 1.0f);

}  // namespace precis::test
