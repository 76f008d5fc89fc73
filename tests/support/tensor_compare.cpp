// One walk over both tensors; the message is made only for the first difference.
#include "tests/support/tensor_compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include "precis/core/rng.h"

namespace precis::test {
namespace {

std::string neighbours(const Tensor& t, int64_t at) {
  std::string text;
  for (int64_t i = std::max<int64_t>(0, at - 2); i < std::min(t.numel(), at + 3); ++i)
    text += fmt::format("{}{}", text.empty() ? "" : ", ", t.at_double(i));
  return text;
}

std::string position(const Shape& shape, int64_t flat) {
  std::string text;
  for (int64_t stride : shape.strides()) {
    text += fmt::format("{}{}", text.empty() ? "" : ",", flat / stride);
    flat %= stride;
  }
  return "[" + text + "]";
}

testing::AssertionResult same_kind(const Tensor& got, const Tensor& want) {
  if (got.dtype() == want.dtype() && got.shape() == want.shape()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "got " << dtype_name(got.dtype()) << got.shape().str() << ", want "
                                     << dtype_name(want.dtype()) << want.shape().str();
}

testing::AssertionResult compare(const Tensor& got, const Tensor& want,
                                 const std::function<bool(int64_t)>& same) {
  auto kind = same_kind(got, want);
  if (!kind) return kind;
  int64_t first = -1, different = 0;
  for (int64_t i = 0; i < want.numel(); ++i) {
    if (same(i)) continue;
    if (different++ == 0) first = i;
  }
  if (different == 0) return testing::AssertionSuccess();
  return testing::AssertionFailure() << fmt::format(
             "{} of {} elements of {}{} differ, first at {} (flat {}): got {}, want {}; around it got {}, "
             "want {}",
             different, want.numel(), dtype_name(want.dtype()), want.shape().str(),
             position(want.shape(), first), first, got.at_double(first), want.at_double(first),
             neighbours(got, first), neighbours(want, first));
}

}  // namespace

testing::AssertionResult tensors_equal(const Tensor& got, const Tensor& want) {
  const int64_t bits = dtype_bits(want.dtype());
  return compare(got, want, [&](int64_t i) {
    if (bits < 8) return got.at_double(i) == want.at_double(i);
    return std::memcmp(got.bytes() + i * bits / 8, want.bytes() + i * bits / 8,
                       static_cast<size_t>(bits / 8)) == 0;
  });
}

testing::AssertionResult tensors_close(const Tensor& got, const Tensor& want, Tolerance tolerance) {
  return compare(got, want, [&](int64_t i) {
    const double g = got.at_double(i), w = want.at_double(i);
    if (std::isnan(g) || std::isnan(w)) return std::isnan(g) && std::isnan(w);
    if (std::isinf(g) || std::isinf(w)) return g == w;
    return std::fabs(g - w) <= tolerance.absolute + tolerance.relative * std::fabs(w);
  });
}

Tensor random_tensor(const Shape& shape, uint64_t seed, float lo, float hi) {
  Tensor t(DType::kF32, shape);
  Rng rng(seed);
  for (float& v : t.data<float>()) v = rng.uniform(lo, hi);
  return t;
}

}  // namespace precis::test
