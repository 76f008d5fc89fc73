// Every fast convolution kernel of every instruction set of this CPU against the scalar contract, over random
// shapes, types, zero points, extreme codes and weights, and cuts into ranges: equal bytes, and nothing
// written beside the results.
#include <gtest/gtest.h>

#include <algorithm>

#include "precis/core/tensor.h"
#include "precis/kernels/simd/int8_depthwise.h"
#include "precis/kernels/simd/int8_panels.h"
#include "precis/kernels/simd/int8_quads.h"
#include "precis/kernels/simd/int8_sums.h"
#include "tests/kernels/code_cases.h"

namespace precis::kernels::simd {
namespace {

// Constants of a case as kernels read them: per group, or (flat) channel after channel.
struct Constants {
  std::vector<float> multiplier, bias;
  Constants(const ConvCase& c, bool flat) {
    ConvShape order = c.shape;
    if (flat) order.groups = 1;
    multiplier = pack_channels(order, c.multiplier.data());
    bias = pack_channels(order, std::vector<float>(c.bias.begin(), c.bias.end()).data());
  }
  void set(Epilogue& e) const {
    e.multiplier = multiplier.data();
    e.bias = bias.data();
  }
};

void expect_equal(const ConvCase& c, const std::vector<std::byte>& y, uint64_t seed, Isa isa) {
  if (y == c.expected) return;
  const auto at = std::mismatch(y.begin(), y.end(), c.expected.begin()).first - y.begin();
  const int64_t element = at / (c.real ? 4 : 1);
  FAIL() << "seed " << seed << " on " << isa_name(isa) << ": pixel " << element / c.y_stride << " channel "
         << element % c.y_stride << " of " << c.shape.rows() << " x " << c.shape.out_channels << ": "
         << std::to_integer<int>(y[static_cast<size_t>(at)]) << ", expected "
         << std::to_integer<int>(c.expected[static_cast<size_t>(at)]);
}

TEST(SimdConv, PairsEqualTheContract) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const ConvCase c = random_case(seed, Kind::kAny, WeightRange::kWide);
    const Constants constants(c, false);
    const auto packed = pack_conv_weights(c.shape, c.weights.data());
    std::vector<int16_t> scratch(static_cast<size_t>(conv_scratch_elements(c.shape)));
    for (Isa isa : fast_isas()) {
      std::vector<std::byte> y = c.blank();
      Epilogue e = c.epilogue();
      constants.set(e);
      const ConvData d{c.x.data(), c.x_type, c.x_zp, packed.data(), y.data(), c.y_stride};
      const int64_t cut = c.shape.rows() / 2;
      kernels_for(isa)->conv(c.shape, d, e, 0, cut, scratch.data());
      kernels_for(isa)->conv(c.shape, d, e, cut, c.shape.rows(), scratch.data());
      ASSERT_NO_FATAL_FAILURE(expect_equal(c, y, seed, isa));
    }
  }
}

TEST(SimdConv, DepthwiseEqualsTheContract) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const ConvCase c = random_case(seed, Kind::kDepthwise, WeightRange::kWide);
    const Constants constants(c, true);
    const auto packed = pack_depthwise_weights(c.shape, c.weights.data());
    for (Isa isa : fast_isas()) {
      std::vector<std::byte> y = c.blank();
      Epilogue e = c.epilogue();
      constants.set(e);
      const ConvData d{c.x.data(), c.x_type, c.x_zp, packed.data(), y.data(), c.y_stride};
      const int64_t cut = c.shape.rows() / 2;
      kernels_for(isa)->depthwise(c.shape, d, e, 0, cut);
      kernels_for(isa)->depthwise(c.shape, d, e, cut, c.shape.rows());
      ASSERT_NO_FATAL_FAILURE(expect_equal(c, y, seed, isa));
    }
  }
}

TEST(SimdConv, QuadsEqualTheContract) {
  int tried = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const ConvCase c = random_case(seed, Kind::kAny, WeightRange::kS8);
    const auto packed = pack_quad_weights(c.shape, c.weights.data());
    if (!packed) continue;
    ++tried;
    const Constants constants(c, false);
    const auto offsets = quad_offsets(*packed, c.x_type, c.x_zp);
    std::vector<std::byte> scratch(static_cast<size_t>(quad_scratch_bytes(c.shape)));
    for (Isa isa : fast_isas()) {
      std::vector<std::byte> y = c.blank();
      Epilogue e = c.epilogue();
      constants.set(e);
      const QuadData d{c.x.data(), c.x_type, c.x_zp, &*packed, offsets.data(), y.data(), c.y_stride};
      const int64_t cut = c.shape.rows() / 3;
      quad_kernel_for(isa)(c.shape, d, e, 0, cut, scratch.data());
      quad_kernel_for(isa)(c.shape, d, e, cut, c.shape.rows(), scratch.data());
      ASSERT_NO_FATAL_FAILURE(expect_equal(c, y, seed, isa));
    }
  }
  EXPECT_GT(tried, fast_isas().empty() ? -1 : 200);
}

bool is_exact(const ConvCase& c) {
  return sums_are_exact(c.shape, c.weights.data(), c.x_type, c.x_zp, c.bias.data());
}
// What accumulators start from, with the bias where the sums are exact.
std::vector<int32_t> offsets_of(const ConvCase& c, bool with_bias) {
  return channel_offsets(c.shape, c.weights.data(), c.x_type, c.x_zp, with_bias ? c.bias.data() : nullptr);
}

std::vector<std::byte> run_panels(const ConvCase& c, Isa isa, Random& r, bool exact_sums) {
  const PanelPlan plan = plan_panels(c.shape, c.x_type, panel_width(isa));
  Tensor weights(DType::kU8, Shape{plan.weight_bytes});
  pack_panels(plan, c.weights.data(), weights.bytes());
  const auto offsets = pack_channels(c.shape, offsets_of(c, exact_sums).data());
  const Constants constants(c, false);
  std::vector<std::byte> y = c.blank(), scratch(static_cast<size_t>(plan.scratch_bytes));
  Epilogue e = c.epilogue();
  constants.set(e);
  if (exact_sums) e.bias = nullptr;
  const PanelData d{c.x.data(), c.x_type, c.x_zp, weights.bytes(), offsets.data(), y.data(), c.y_stride};
  const int64_t rows = plan.rows(), panels = static_cast<int64_t>(plan.panels.size());
  const int64_t pixel_cut = r.in(0, rows), panel_cut = r.in(0, panels);
  for (const auto& [first_pixel, last_pixel] :
       {std::pair(int64_t{0}, pixel_cut), std::pair(pixel_cut, rows)}) {
    panel_kernel_for(isa)(plan, d, e, {first_pixel, last_pixel, 0, panel_cut}, scratch.data());
    panel_kernel_for(isa)(plan, d, e, {first_pixel, last_pixel, panel_cut, panels}, scratch.data());
  }
  return y;
}

TEST(SimdConv, PanelsEqualTheContract) {
  int exact = 0;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    const ConvCase c = random_case(seed, Kind::kAny, WeightRange::kS8);
    ASSERT_TRUE(fits_s8(c.shape, c.weights.data()));
    Random r(seed);
    for (Isa isa : fast_isas()) {
      if (panel_width(isa) == 0) continue;
      ASSERT_NO_FATAL_FAILURE(expect_equal(c, run_panels(c, isa, r, false), seed, isa));
      if (!is_exact(c)) continue;
      ++exact;
      ASSERT_NO_FATAL_FAILURE(expect_equal(c, run_panels(c, isa, r, true), seed, isa));
    }
  }
  EXPECT_GT(exact, fast_isas().empty() || panel_width(fast_isas().back()) == 0 ? -1 : 1000);
}

std::vector<std::byte> run_depthwise_quads(const ConvCase& c, Isa isa, Random& r, bool exact_sums) {
  const DepthwisePlan plan = plan_depthwise(c.shape);
  Tensor weights(DType::kU8, Shape{plan.weight_bytes()});
  pack_depthwise_quads(plan, c.weights.data(), weights.bytes());
  const auto offsets = spread_channels(plan, offsets_of(c, exact_sums).data());
  const auto multiplier = spread_channels(plan, c.multiplier.data());
  const auto bias = spread_channels(plan, std::vector<float>(c.bias.begin(), c.bias.end()).data());
  std::vector<std::byte> y = c.blank(), scratch(static_cast<size_t>(plan.scratch_bytes));
  Epilogue e = c.epilogue();
  e.multiplier = multiplier.data();
  e.bias = exact_sums ? nullptr : bias.data();
  const DepthwiseData d{c.x.data(), c.x_type, c.x_zp, weights.bytes(), offsets.data(), y.data(), c.y_stride};
  const int64_t cut = r.in(0, c.shape.rows());
  depthwise_quads_kernel_for(isa)(plan, d, e, 0, cut, scratch.data());
  depthwise_quads_kernel_for(isa)(plan, d, e, cut, c.shape.rows(), scratch.data());
  return y;
}

TEST(SimdConv, DepthwiseQuadsEqualTheContract) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    const ConvCase c = random_case(seed, Kind::kDepthwise, WeightRange::kS8);
    Random r(seed);
    for (Isa isa : fast_isas()) {
      if (depthwise_quads_kernel_for(isa) == nullptr) continue;
      ASSERT_NO_FATAL_FAILURE(expect_equal(c, run_depthwise_quads(c, isa, r, false), seed, isa));
      if (!is_exact(c)) continue;
      ASSERT_NO_FATAL_FAILURE(expect_equal(c, run_depthwise_quads(c, isa, r, true), seed, isa));
    }
  }
}

TEST(SimdConv, PanelsRefuseWeightsBeyondEightBits) {
  ConvShape s;
  s.in_channels = s.out_channels = 4;
  std::vector<int16_t> w(16, 127);
  EXPECT_TRUE(fits_s8(s, w.data()));
  w[7] = -129;
  EXPECT_FALSE(fits_s8(s, w.data()));
}

TEST(SimdConv, SumsAreExactBelowTwentyFourBits) {
  ConvShape s;
  s.in_channels = 516;
  const std::vector<int16_t> w(516, 127);  // 516 * 127 * 255 = 16,710,660
  const int32_t small = 66555, large = 66556;
  EXPECT_TRUE(sums_are_exact(s, w.data(), CodeType::kU8, 0, &small));
  EXPECT_FALSE(sums_are_exact(s, w.data(), CodeType::kU8, 0, &large));
  EXPECT_TRUE(sums_are_exact(s, w.data(), CodeType::kS8, 0, &large));
}

}  // namespace
}  // namespace precis::kernels::simd
