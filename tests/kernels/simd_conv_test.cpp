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

// Constants of a case in the order of blocks of channels.
struct Constants {
  std::vector<float> multiplier, bias;
  explicit Constants(const ConvCase& c)
      : multiplier(pack_channels(c.shape, c.multiplier.data())),
        bias(pack_channels(c.shape, std::vector<float>(c.bias.begin(), c.bias.end()).data())) {}
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
    const Constants constants(c);
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

TEST(SimdConv, QuadsEqualTheContract) {
  int tried = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const ConvCase c = random_case(seed, Kind::kAny, WeightRange::kS8);
    const auto packed = pack_quad_weights(c.shape, c.weights.data());
    if (!packed) continue;
    ++tried;
    const Constants constants(c);
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
  const PanelPlan plan =
      plan_panels(c.shape, c.x_type, panel_width(isa), s8_passes(c.shape, c.weights.data()));
  Tensor weights(DType::kU8, Shape{plan.weight_bytes});
  pack_panels(plan, c.weights.data(), weights.bytes());
  const auto offsets = pack_channels(c.shape, offsets_of(c, exact_sums).data());
  const Constants constants(c);
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

// Weights of one pass (s8) or of two.
void try_panels(WeightRange range, int passes, int least) {
  int tried = 0, exact = 0;
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    const ConvCase c = random_case(seed, Kind::kAny, range);
    if (s8_passes(c.shape, c.weights.data()) != passes) continue;
    Random r(seed);
    for (Isa isa : fast_isas()) {
      if (panel_width(isa) == 0) continue;
      ++tried;
      ASSERT_NO_FATAL_FAILURE(expect_equal(c, run_panels(c, isa, r, false), seed, isa));
      if (!is_exact(c)) continue;
      ++exact;
      ASSERT_NO_FATAL_FAILURE(expect_equal(c, run_panels(c, isa, r, true), seed, isa));
    }
  }
  if (tried == 0) GTEST_SKIP() << "no panel kernels on this CPU";
  EXPECT_GT(exact, least);
}

TEST(SimdConv, PanelsEqualTheContract) { try_panels(WeightRange::kS8, 1, 1000); }
TEST(SimdConv, PanelsOfWideWeightsEqualTheContract) { try_panels(WeightRange::kWide, 2, 100); }

std::vector<std::byte> run_depthwise(const ConvCase& c, Isa isa, Random& r, bool exact_sums) {
  const DepthwisePlan plan =
      plan_depthwise(c.shape, depthwise_vector(isa), s8_passes(c.shape, c.weights.data()));
  Tensor weights(DType::kU8, Shape{plan.weight_bytes()});
  pack_depthwise(plan, c.weights.data(), weights.bytes());
  const auto offsets = spread_channels(plan, offsets_of(c, exact_sums).data());
  const auto multiplier = spread_channels(plan, c.multiplier.data());
  const auto bias = spread_channels(plan, std::vector<float>(c.bias.begin(), c.bias.end()).data());
  std::vector<std::byte> y = c.blank(), scratch(static_cast<size_t>(plan.scratch_bytes));
  Epilogue e = c.epilogue();
  e.multiplier = multiplier.data();
  e.bias = exact_sums ? nullptr : bias.data();
  const DepthwiseData d{c.x.data(), c.x_type, c.x_zp, weights.bytes(), offsets.data(), y.data(), c.y_stride};
  const int64_t cut = r.in(0, c.shape.rows());
  depthwise_kernel_for(isa)(plan, d, e, 0, cut, scratch.data());
  depthwise_kernel_for(isa)(plan, d, e, cut, c.shape.rows(), scratch.data());
  return y;
}

TEST(SimdConv, DepthwiseEqualsTheContract) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const ConvCase c =
        random_case(seed, Kind::kDepthwise, seed % 2 == 0 ? WeightRange::kS8 : WeightRange::kWide);
    if (s8_passes(c.shape, c.weights.data()) == 0) continue;
    Random r(seed);
    for (Isa isa : fast_isas()) {
      ASSERT_NO_FATAL_FAILURE(expect_equal(c, run_depthwise(c, isa, r, false), seed, isa));
      if (!is_exact(c)) continue;
      ASSERT_NO_FATAL_FAILURE(expect_equal(c, run_depthwise(c, isa, r, true), seed, isa));
    }
  }
}

TEST(SimdConv, PassesThatWeightsNeed) {
  ConvShape s;
  s.in_channels = s.out_channels = 4;
  std::vector<int16_t> w(16, 127);
  const auto with = [&](int16_t extreme) {
    w[7] = extreme;
    return s8_passes(s, w.data());
  };
  EXPECT_EQ(with(-128), 1);
  EXPECT_EQ(with(-129), 2);
  EXPECT_EQ(with(-255), 2);
  EXPECT_EQ(with(254), 2);
  EXPECT_EQ(with(255), 0);
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
