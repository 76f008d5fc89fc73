// Parity of the fast element-wise and pool kernels on codes with the scalar contract (reference/requantize.h) over random
// sizes, types, zero points and extreme codes: the integers must be equal. Convolutions: simd_conv_test.cpp.
#include "precis/kernels/simd/int8.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "precis/core/rounding.h"
#include "tests/kernels/code_cases.h"

namespace precis::kernels::simd {
namespace {

namespace ref = precis::kernels::reference;
constexpr float kInf = std::numeric_limits<float>::infinity();

const Kernels* fast() { return kernels_for(current_isa()); }

TEST(SimdInt8, SumsAndRescalingEqualTheContract) {
  if (fast() == nullptr) GTEST_SKIP() << "no fast kernels for this instruction set";
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random r(seed);
    const int64_t n = r.in(1, 70);
    const auto a = r.codes(n), b = r.codes(n);
    Kernels::Sum p{};
    p.a_type = r.type();
    p.b_type = r.type();
    p.y_type = r.type();
    p.a_zero_point = r.zero_point(p.a_type);
    p.b_zero_point = r.zero_point(p.b_type);
    p.multiplier_a = r.rng.uniform(0, 2);
    p.multiplier_b = r.rng.uniform(-2, 2);
    const Limits l = limits_of(r);
    p.low = l.low;
    p.high = l.high;
    const ref::OutputGrid grid{r.zero_point(p.y_type), p.y_type == CodeType::kU8 ? 0 : -128, p.y_type == CodeType::kU8 ? 255 : 127};
    p.zero_point = static_cast<float>(grid.zero_point);
    p.code_min = static_cast<float>(grid.code_min);
    p.code_max = static_cast<float>(grid.code_max);
    std::vector<std::byte> y(static_cast<size_t>(n)), z(y);
    fast()->add(p, a.data(), b.data(), y.data(), n);
    fast()->rescale({p.a_type, p.y_type, p.a_zero_point, p.multiplier_a, p.zero_point, p.code_min, p.code_max}, a.data(), z.data(), n);
    for (size_t i = 0; i < y.size(); ++i) {
      const float fa = static_cast<float>(code_of(a[i], p.a_type) - p.a_zero_point), fb = static_cast<float>(code_of(b[i], p.b_type) - p.b_zero_point);
      ASSERT_EQ(code_of(y[i], p.y_type), ref::round_to_grid(ref::activate(l.activation, std::fma(fb, p.multiplier_b, fa * p.multiplier_a)), grid)) << seed;
      ASSERT_EQ(code_of(z[i], p.y_type), ref::round_to_grid(fa * p.multiplier_a, grid)) << seed;
    }
  }
}

TEST(SimdInt8, QuantizeHandlesTiesNanAndInfinity) {
  if (fast() == nullptr) GTEST_SKIP() << "no fast kernels for this instruction set";
  std::vector<float> x = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, NAN, kInf, -kInf, 1e30f, -1e30f, 0, -0.0f, 254.5f, 3.49999976f};
  Random r(5);
  for (int i = 0; i < 1000; ++i) x.push_back(r.rng.uniform(-400, 400));
  std::vector<std::byte> y(x.size());
  for (float scale : {1.0f, 0.1f, 3.0f}) {
    fast()->quantize(x.data(), scale, 10, 0, 255, CodeType::kU8, y.data(), static_cast<int64_t>(x.size()));
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(code_of(y[i], CodeType::kU8), quantize_value(x[i], scale, 10, 0, 255)) << x[i];
    std::vector<float> back(x.size());
    fast()->dequantize(y.data(), CodeType::kU8, scale, 10, back.data(), static_cast<int64_t>(x.size()));
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(back[i], dequantize_value(code_of(y[i], CodeType::kU8), scale, 10));
  }
}

TEST(SimdInt8, Pools) {
  if (fast() == nullptr) GTEST_SKIP() << "no fast kernels for this instruction set";
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random r(seed);
    PoolShape s;
    s.batch = r.in(1, 2);
    s.channels = r.in(1, 70);
    AveragePool p;
    std::vector<float> multiplier{0};
    for (int i = 1; i < 3; ++i) {
      s.kernel[i] = r.in(1, 3);
      s.stride[i] = r.in(1, 2);
      s.dilation[i] = r.in(1, 2);
      s.pad[i] = r.in(0, s.kernel[i] - 1);
      s.in[i] = r.in((s.kernel[i] - 1) * s.dilation[i] + 1, 9);
      s.out[i] = (s.in[i] + 2 * s.pad[i] - (s.kernel[i] - 1) * s.dilation[i] - 1) / s.stride[i] + 1;
      p.padded_end[i] = s.in[i] + s.pad[i];
    }
    p.padded_end[0] = 1;
    p.include_pad = r.coin();
    const CodeType type = r.type();
    p.x_zero_point = r.zero_point(type);
    for (int64_t n = 1; n <= s.kernel[1] * s.kernel[2]; ++n) multiplier.push_back(0.7f / static_cast<float>(n));
    p.multiplier = multiplier.data();
    const ref::OutputGrid grid{r.zero_point(type), type == CodeType::kU8 ? 0 : -128, type == CodeType::kU8 ? 255 : 127};
    p.zero_point = static_cast<float>(grid.zero_point);
    p.code_min = static_cast<float>(grid.code_min);
    p.code_max = static_cast<float>(grid.code_max);
    const auto x = r.codes(s.batch * s.in[1] * s.in[2] * s.channels);
    std::vector<std::byte> top(static_cast<size_t>(s.rows() * s.channels)), mean(top);
    fast()->max_pool(s, type, x.data(), top.data(), 0, s.rows());
    fast()->average_pool(s, p, type, type, x.data(), mean.data(), 0, s.rows());
    for (int64_t row = 0; row < s.rows(); ++row)
      for (int64_t c = 0; c < s.channels; ++c) {
        int best = grid.code_min, count = 0, padded = 0, sum = 0;
        const int64_t ow = row % s.out[2], oh = row / s.out[2] % s.out[1], n = row / s.out[2] / s.out[1];
        for (int64_t a = 0; a < s.kernel[1]; ++a)
          for (int64_t b = 0; b < s.kernel[2]; ++b) {
            const int64_t h = oh * s.stride[1] - s.pad[1] + a * s.dilation[1], w = ow * s.stride[2] - s.pad[2] + b * s.dilation[2];
            padded += h < p.padded_end[1] && w < p.padded_end[2];
            if (h < 0 || w < 0 || h >= s.in[1] || w >= s.in[2]) continue;
            const int code = code_of(x[static_cast<size_t>(((n * s.in[1] + h) * s.in[2] + w) * s.channels + c)], type);
            best = std::max(best, code);
            sum += code - p.x_zero_point;
            ++count;
          }
        const size_t i = static_cast<size_t>(row * s.channels + c);
        ASSERT_EQ(code_of(top[i], type), best) << seed;
        const float t = static_cast<float>(sum) * multiplier[static_cast<size_t>(p.include_pad ? padded : count)];
        ASSERT_EQ(code_of(mean[i], type), ref::round_to_grid(t, grid)) << seed;
      }
  }
}

}  // namespace
}  // namespace precis::kernels::simd
