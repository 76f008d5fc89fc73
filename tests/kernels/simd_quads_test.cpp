// What the packing of quads promises: no pair of neighbours can saturate, and cases that do not pay are refused. The results are
// tested in simd_conv_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>

#include "precis/kernels/simd/int8_quads.h"
#include "tests/kernels/code_cases.h"

namespace precis::kernels::simd {
namespace {

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
