// Convolutions, products and pools against hand-computed arrays and against a plain 64-bit oracle on random
// geometry.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "precis/core/rng.h"
#include "precis/kernels/reference/conv.h"
#include "precis/kernels/reference/matmul.h"
#include "precis/kernels/reference/pool.h"

namespace precis::kernels::reference {
namespace {

using testing::ElementsAre;

ConvParams line(int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t begin, int64_t end) {
  ConvParams p;
  Window& w = p.window;
  w.in[2] = in;
  w.kernel[2] = kernel;
  w.stride[2] = stride;
  w.dilation[2] = dilation;
  w.pad_begin[2] = begin;
  w.pad_end[2] = end;
  w.out[2] = (in + begin + end - ((kernel - 1) * dilation + 1)) / stride + 1;
  return p;
}

TEST(ReferenceConv, PaddingStrideDilation) {
  const float x[] = {1, 2, 3, 4, 5}, w[] = {1, 10};
  float y[5];
  conv(line(5, 2, 1, 1, 0, 0), x, w, y);
  EXPECT_THAT(std::vector<float>(y, y + 4), ElementsAre(21, 32, 43, 54));
  conv(line(5, 2, 2, 1, 1, 0), x, w, y);
  EXPECT_THAT(std::vector<float>(y, y + 3), ElementsAre(10, 32, 54));
  conv(line(5, 2, 1, 3, 0, 1), x, w, y);
  EXPECT_THAT(std::vector<float>(y, y + 3), ElementsAre(41, 52, 3));
  conv(line(5, 2, 1, 1, -1, -1), x, w, y);  // negative pads crop
  EXPECT_THAT(std::vector<float>(y, y + 2), ElementsAre(32, 43));
}

TEST(ReferenceConv, KernelWiderThanInputReadsOnlyTheInput) {
  const float x[] = {3}, w[] = {1, 10, 100};
  float y[3];
  conv(line(1, 3, 1, 1, 2, 2), x, w, y);
  EXPECT_THAT(y, ElementsAre(300, 30, 3));
}

TEST(ReferenceConv, SumsRunOverInputChannelsThenTaps) {
  // 1e8 - 1e8 + 1: any other order of the three products would lose the 1.
  ConvParams p = line(1, 1, 1, 1, 0, 0);
  p.in_channels = 3;
  const float x[] = {1e8f, -1e8f, 1}, w[] = {1, 1, 1};
  float y;
  conv(p, x, w, &y);
  EXPECT_EQ(y, 1);
}

TEST(ReferenceConv, IntegersWrapInsteadOfOverflowing) {
  ConvParams p = line(1, 1, 1, 1, 0, 0);
  p.in_channels = 2;
  const int32_t x[] = {1 << 30, 1 << 30}, w[] = {1, 1};
  int32_t y;
  conv(p, x, w, &y);
  EXPECT_EQ(y, std::numeric_limits<int32_t>::min());
}

TEST(ReferenceConv, TransposedScattersAndCrops) {
  const float x[] = {1, 2, 3}, w[] = {1, 10};
  float y[8];
  conv_transpose(line(6, 2, 2, 1, 0, 0), x, w, y);
  EXPECT_THAT(std::vector<float>(y, y + 6), ElementsAre(1, 10, 2, 20, 3, 30));
  ConvParams p = line(4, 2, 1, 1, 0, 0);
  conv_transpose(p, x, w, y);
  EXPECT_THAT(std::vector<float>(y, y + 4), ElementsAre(1, 12, 23, 30));
  p.window.in[2] = 2;
  p.window.pad_begin[2] = p.window.pad_end[2] = 1;
  conv_transpose(p, x, w, y);
  EXPECT_THAT(std::vector<float>(y, y + 2), ElementsAre(12, 23));
}

// --- random geometry against the definition in 64 bits
// ---------------------------------------------------------

struct RandomConv {
  ConvParams p;
  std::vector<int32_t> x, w;
};

RandomConv random_conv(uint64_t seed) {
  Rng rng(seed);
  const auto pick = [&](int64_t lo, int64_t hi) {
    return lo + static_cast<int64_t>(rng.below(static_cast<uint64_t>(hi - lo + 1)));
  };
  RandomConv r;
  ConvParams& p = r.p;
  p.groups = pick(1, 3);
  p.batch = pick(1, 2);
  p.in_channels = p.groups * pick(1, 3);
  p.out_channels = p.groups * pick(1, 3);
  Window& w = p.window;
  for (size_t a = 0; a < 3; ++a) {
    w.kernel[a] = pick(1, 3);
    w.stride[a] = pick(1, 3);
    w.dilation[a] = pick(1, 2);
    w.pad_begin[a] = pick(0, 2);
    w.pad_end[a] = pick(0, 2);
    const int64_t extent = (w.kernel[a] - 1) * w.dilation[a] + 1;
    w.in[a] = std::max(pick(1, 6), extent - w.pad_begin[a] - w.pad_end[a]);
    w.out[a] = (w.in[a] + w.pad_begin[a] + w.pad_end[a] - extent) / w.stride[a] + 1;
  }
  r.x.resize(static_cast<size_t>(p.batch * p.in_channels * w.in_size()));
  r.w.resize(static_cast<size_t>(p.out_channels * p.in_channels / p.groups * w.kernel_size()));
  for (int32_t& v : r.x) v = static_cast<int32_t>(pick(-255, 255));
  for (int32_t& v : r.w) v = static_cast<int32_t>(pick(-128, 127));
  return r;
}

// Calls f(output position, input position, tap) for every pair that a tap connects.
template <typename F>
void for_each_pair(const Window& w, F f) {
  for (int64_t o = 0; o < w.out_size(); ++o)
    for (int64_t k = 0; k < w.kernel_size(); ++k) {
      const Dims3 out{o / (w.out[1] * w.out[2]), o / w.out[2] % w.out[1], o % w.out[2]};
      const Dims3 tap{k / (w.kernel[1] * w.kernel[2]), k / w.kernel[2] % w.kernel[1], k % w.kernel[2]};
      Dims3 in;
      bool inside = true;
      for (size_t a = 0; a < 3; ++a) {
        in[a] = out[a] * w.stride[a] + tap[a] * w.dilation[a] - w.pad_begin[a];
        inside = inside && in[a] >= 0 && in[a] < w.in[a];
      }
      if (inside) f(o, (in[0] * w.in[1] + in[1]) * w.in[2] + in[2], k);
    }
}

TEST(ReferenceConv, IntegersEqualThe64BitOracle) {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    const RandomConv r = random_conv(seed);
    const ConvParams& p = r.p;
    const int64_t gi = p.in_channels / p.groups, go = p.out_channels / p.groups,
                  taps = p.window.kernel_size();
    std::vector<int64_t> want(static_cast<size_t>(p.batch * p.out_channels * p.window.out_size()), 0);
    for (int64_t n = 0; n < p.batch; ++n)
      for (int64_t oc = 0; oc < p.out_channels; ++oc)
        for (int64_t ic = 0; ic < gi; ++ic)
          for_each_pair(p.window, [&](int64_t o, int64_t i, int64_t k) {
            want[static_cast<size_t>((n * p.out_channels + oc) * p.window.out_size() + o)] +=
                int64_t{r.x[static_cast<size_t>((n * p.in_channels + oc / go * gi + ic) * p.window.in_size() +
                                                i)]} *
                r.w[static_cast<size_t>((oc * gi + ic) * taps + k)];
          });
    std::vector<int32_t> got(want.size());
    conv(p, r.x.data(), r.w.data(), got.data());
    EXPECT_TRUE(std::equal(got.begin(), got.end(), want.begin())) << "seed " << seed;
  }
}

TEST(ReferenceConv, TransposedEqualsThe64BitOracle) {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    RandomConv r = random_conv(seed);
    const ConvParams& p = r.p;
    const int64_t gi = p.in_channels / p.groups, go = p.out_channels / p.groups,
                  taps = p.window.kernel_size();
    r.x.assign(static_cast<size_t>(p.batch * p.in_channels * p.window.out_size()), 0);
    for (size_t i = 0; i < r.x.size(); ++i) r.x[i] = static_cast<int32_t>((i * 37 + seed) % 511) - 255;
    std::vector<int64_t> want(static_cast<size_t>(p.batch * p.out_channels * p.window.in_size()), 0);
    for (int64_t n = 0; n < p.batch; ++n)
      for (int64_t ic = 0; ic < p.in_channels; ++ic)
        for (int64_t c = 0; c < go; ++c)
          for_each_pair(p.window, [&](int64_t o, int64_t i, int64_t k) {
            want[static_cast<size_t>((n * p.out_channels + ic / gi * go + c) * p.window.in_size() + i)] +=
                int64_t{r.x[static_cast<size_t>((n * p.in_channels + ic) * p.window.out_size() + o)]} *
                r.w[static_cast<size_t>((ic * go + c) * taps + k)];
          });
    std::vector<int32_t> got(want.size());
    conv_transpose(p, r.x.data(), r.w.data(), got.data());
    EXPECT_TRUE(std::equal(got.begin(), got.end(), want.begin())) << "seed " << seed;
  }
}

// --- products
// --------------------------------------------------------------------------------------------------

TEST(ReferenceMatmul, Strides) {
  const float a[] = {1, 2, 3, 4, 5, 6};  // [2, 3], or its transpose seen as [3, 2]
  const float b[] = {1, 10};
  float y[3];
  matmul({.m = 3, .n = 1, .k = 2, .a_row = 1, .a_col = 3, .b_row = 1, .b_col = 1}, a, b, y);
  EXPECT_THAT(y, ElementsAre(41, 52, 63));
}

TEST(ReferenceMatmul, EmptySumIsZero) {
  float y[] = {7, 7};
  const float none = 0;
  matmul({.m = 1, .n = 2, .k = 0}, &none, &none, y);
  EXPECT_THAT(y, ElementsAre(0, 0));
}

// --- pools
// -----------------------------------------------------------------------------------------------------

TEST(ReferencePool, NanWinsAndIndicesCountTheWholeTensor) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float x[] = {1, 5, 5, 2, nan, 3};
  float y[2];
  int64_t indices[2];
  Window w = line(3, 3, 1, 1, 0, 0).window;
  max_pool(w, 2, x, y, indices, IndexOrder::kRowMajor);
  EXPECT_EQ(y[0], 5);
  EXPECT_TRUE(std::isnan(y[1]));
  EXPECT_THAT(indices, ElementsAre(1, 4));
}

TEST(ReferencePool, PaddingNeverWins) {
  const int8_t x[] = {-5, -7};
  int8_t y[3];
  max_pool(line(2, 2, 1, 1, 1, 1).window, 1, x, y, nullptr, IndexOrder::kRowMajor);
  EXPECT_THAT(y, ElementsAre(-5, -5, -7));
}

TEST(ReferencePool, CountsEndWithThePaddingInCeilMode) {
  Window w = line(4, 3, 2, 1, 1, 0).window;
  w.out[2] = 3;  // the third window starts inside and hangs over the end
  int64_t counts[3];
  window_counts(w, CountPadding::kInclude, counts);
  EXPECT_THAT(counts, ElementsAre(3, 3, 1));
  window_counts(w, CountPadding::kExclude, counts);
  EXPECT_THAT(counts, ElementsAre(2, 3, 1));
}

}  // namespace
}  // namespace precis::kernels::reference
