// The quad kernel against the pair kernel (itself held to the scalar contract by simd_int8_test.cpp): equal
// bytes for random shapes, extreme codes and weights that would saturate, and the bound that the packing
// promises.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "precis/core/rng.h"
#include "precis/kernels/simd/int8_quads.h"

namespace precis::kernels::simd {
namespace {

struct Random {
  explicit Random(uint64_t seed) : rng(seed) {}
  Rng rng;
  int64_t in(int64_t lo, int64_t hi) {
    return lo + static_cast<int64_t>(rng.below(static_cast<uint64_t>(hi - lo + 1)));
  }
};

ConvShape random_shape(Random& r) {
  ConvShape s;
  s.batch = r.in(1, 2);
  s.groups = r.in(0, 3) == 0 ? r.in(2, 3) : 1;
  s.in_channels = s.groups * r.in(1, 40);
  s.out_channels = s.groups * r.in(1, 40);
  const bool pointwise = r.in(0, 2) == 0;
  for (int i = 0; i < 3; ++i) {
    if (i == 0 && r.in(0, 3) != 0) continue;
    s.in[i] = r.in(1, 9);
    s.kernel[i] = pointwise ? 1 : std::min<int64_t>(r.in(1, 3), s.in[i]);
    s.stride[i] = pointwise && r.in(0, 1) == 0 ? 1 : r.in(1, 2);
    s.pad[i] = s.kernel[i] > 1 ? r.in(0, 1) : 0;
    s.dilation[i] = s.kernel[i] == 2 && s.in[i] > 2 ? r.in(1, 2) : 1;
    s.out[i] = (s.in[i] + 2 * s.pad[i] - (s.kernel[i] - 1) * s.dilation[i] - 1) / s.stride[i] + 1;
  }
  return s;
}

// Mostly small weights, few large ones, some of them side by side.
std::vector<int16_t> random_weights(Random& r, int64_t n) {
  std::vector<int16_t> w(static_cast<size_t>(n));
  for (auto& v : w)
    v = static_cast<int16_t>(r.in(0, 30) == 0 ? (r.in(0, 1) == 0 ? 127 : -128) : r.in(-50, 50));
  return w;
}

TEST(SimdQuads, EqualThePairKernel) {
  const QuadKernel quads = quad_kernel_for(current_isa());
  const Kernels* kernels = kernels_for(current_isa());
  if (quads == nullptr || kernels == nullptr)
    GTEST_SKIP() << "no fast kernels for " << isa_name(current_isa());
  int tried = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random r(seed);
    const ConvShape s = random_shape(r);
    const std::vector<int16_t> w = random_weights(r, s.out_channels * s.depth());
    const auto packed = pack_quad_weights(s, w.data());
    if (!packed) continue;
    ++tried;
    const auto n = static_cast<size_t>(s.batch * s.in[0] * s.in[1] * s.in[2] * s.in_channels);
    std::vector<std::byte> x(n);
    for (auto& v : x) v = static_cast<std::byte>(r.in(0, 2) == 0 ? 255 : r.in(0, 255));
    const CodeType type = r.in(0, 3) == 0 ? CodeType::kS8 : CodeType::kU8;
    const auto zero_point = static_cast<int32_t>(type == CodeType::kU8 ? r.in(0, 255) : r.in(-128, 127));
    std::vector<float> multiplier(static_cast<size_t>(s.out_channels)),
        bias(static_cast<size_t>(s.out_channels));
    for (size_t c = 0; c < bias.size(); ++c) {
      multiplier[c] = 1e-4f * static_cast<float>(r.in(1, 90));
      bias[c] = static_cast<float>(r.in(-9000, 9000));
    }
    const auto m = pack_channels(s, multiplier.data()), b = pack_channels(s, bias.data());
    Epilogue e;
    e.multiplier = m.data();
    e.bias = b.data();
    e.low = r.in(0, 1) == 0 ? 0 : -std::numeric_limits<float>::infinity();
    e.high = r.in(0, 1) == 0 ? 93.7f : std::numeric_limits<float>::infinity();
    const int result = static_cast<int>(r.in(0, 2));
    e.result = result == 0   ? Epilogue::Result::kU8
               : result == 1 ? Epilogue::Result::kS8
                             : Epilogue::Result::kF32;
    e.zero_point = static_cast<float>(result == 1 ? r.in(-20, 20) : r.in(0, 200));
    e.code_min = result == 1 ? -128 : 0;
    e.code_max = result == 1 ? 127 : 255;
    const auto outputs = static_cast<size_t>(s.rows() * s.out_channels);
    std::vector<std::byte> residual(outputs);
    for (auto& v : residual) v = static_cast<std::byte>(r.in(0, 255));
    if (result != 2 && r.in(0, 1) == 0) {
      e.residual = residual.data();
      e.residual_multiplier = 0.31f;
      e.residual_zero_point = 17;
    }
    std::vector<std::byte> want(outputs * 4), got(outputs * 4);
    const std::vector<int16_t> pairs = pack_conv_weights(s, w.data());
    std::vector<int16_t> scratch(static_cast<size_t>(conv_scratch_elements(s)));
    ConvData d{x.data(), type, zero_point, pairs.data(), want.data(), s.out_channels};
    kernels->conv(s, d, e, 0, s.rows(), scratch.data());
    const auto offsets = quad_offsets(*packed, type, zero_point);
    std::vector<std::byte> bytes(static_cast<size_t>(quad_scratch_bytes(s)));
    const QuadData q{x.data(), type, zero_point, &*packed, offsets.data(), got.data(), s.out_channels};
    const int64_t cut = r.in(0, s.rows());
    quads(s, q, e, 0, cut, bytes.data());
    quads(s, q, e, cut, s.rows(), bytes.data());
    ASSERT_EQ(got, want) << "seed " << seed;
  }
  EXPECT_GT(tried, 150);
}

TEST(SimdQuads, NoPairCanSaturate) {
  Random r(7);
  ConvShape s;
  s.in_channels = 64;
  s.out_channels = 32;
  std::vector<int16_t> w(64 * 32);
  for (auto& v : w) v = static_cast<int16_t>(r.in(0, 99) == 0 ? 127 : r.in(-60, 60));
  const auto packed = pack_quad_weights(s, w.data());
  ASSERT_TRUE(packed.has_value());
  for (size_t i = 0; i < packed->quads.size(); i += 2) {
    const int a = packed->quads[i], b = packed->quads[i + 1];
    EXPECT_LE(255 * (std::max(a, 0) + std::max(b, 0)), 32767);
    EXPECT_GE(255 * (std::min(a, 0) + std::min(b, 0)), -32768);
  }
}

TEST(SimdQuads, RefusesWhatDoesNotPay) {
  ConvShape s;
  s.in_channels = 16;
  s.out_channels = 16;
  EXPECT_FALSE(pack_quad_weights(s, std::vector<int16_t>(256, 127).data()).has_value());
  EXPECT_FALSE(pack_quad_weights(s, std::vector<int16_t>(256, -200).data()).has_value());
  EXPECT_TRUE(pack_quad_weights(s, std::vector<int16_t>(256, 64).data()).has_value());
}

}  // namespace
}  // namespace precis::kernels::simd
