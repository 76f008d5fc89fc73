// Parity of the fast int8 kernels with the scalar contract (reference/requantize.h) over random shapes, types, zero points and
// extreme codes: the integers must be equal, float results bit for bit.
#include "precis/kernels/simd/int8.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "tests/kernels/random_codes.h"

namespace precis::kernels::simd {
namespace {

namespace ref = precis::kernels::reference;

const Kernels* fast() { return kernels_for(current_isa()); }

struct ConvCase {
  ConvShape shape;
  CodeType x_type, y_type, r_type;
  int32_t x_zp, y_zp, r_zp;
  std::vector<std::byte> x, residual;
  std::vector<int16_t> weights;  // [out, in / groups, taps], centred
  std::vector<float> multiplier, bias;
  float residual_multiplier = 0;
  bool with_residual = false, real = false;
  Limits limits;
};

ConvCase random_case(uint64_t seed, bool depthwise) {
  Random r(seed);
  ConvCase c;
  ConvShape& s = c.shape;
  s.batch = r.in(1, 2);
  const int64_t group_in = depthwise ? 1 : r.in(1, 35), group_out = depthwise ? 1 : r.in(1, 35);
  s.groups = depthwise ? r.in(2, 50) : r.coin() ? 1 : r.in(1, 3);
  s.in_channels = s.groups * group_in;
  s.out_channels = s.groups * group_out;
  for (int i = 0; i < 3; ++i) {
    if (i == 0 && r.in(0, 3) != 0) continue;
    s.kernel[i] = r.in(1, 3);
    s.dilation[i] = r.in(1, 2);
    s.stride[i] = r.in(1, 2);
    s.pad[i] = r.in(0, s.kernel[i] * s.dilation[i]);
    s.in[i] = r.in(1, 8);
    const int64_t room = s.in[i] + s.pad[i] + r.in(0, 2) - (s.kernel[i] - 1) * s.dilation[i] - 1;
    s.out[i] = room < 0 ? 1 : room / s.stride[i] + 1;
  }
  c.x_type = r.type();
  c.y_type = r.type();
  c.r_type = r.type();
  c.x_zp = r.zero_point(c.x_type);
  c.y_zp = r.zero_point(c.y_type);
  c.r_zp = r.zero_point(c.r_type);
  c.x = r.codes(s.batch * s.in[0] * s.in[1] * s.in[2] * s.in_channels);
  c.with_residual = r.coin();
  c.real = r.in(0, 4) == 0;
  if (c.with_residual && c.real) c.with_residual = false;
  c.residual = r.codes(s.rows() * s.out_channels);
  c.residual_multiplier = r.rng.uniform(-2, 2);
  c.limits = limits_of(r);
  const int64_t taps = s.kernel[0] * s.kernel[1] * s.kernel[2];
  const bool full = r.coin();  // u8 weights with a zero point reach -255..255
  for (int64_t i = 0; i < s.out_channels * group_in * taps; ++i) c.weights.push_back(static_cast<int16_t>(full ? r.in(-255, 255) : r.coin() ? -128 : 127));
  for (int64_t o = 0; o < s.out_channels; ++o) {
    c.multiplier.push_back(std::ldexp(r.rng.uniform(0.1f, 1), -static_cast<int>(r.in(0, 18))));
    c.bias.push_back(static_cast<float>(r.in(-100000, 100000)));
  }
  return c;
}

int64_t accumulate(const ConvCase& c, int64_t row, int64_t o) {
  const ConvShape& s = c.shape;
  const int64_t group_in = s.in_channels / s.groups, group = o / (s.out_channels / s.groups);
  const int64_t taps = s.kernel[0] * s.kernel[1] * s.kernel[2];
  int64_t at[3];
  for (int i = 2; i >= 0; --i) {
    at[i] = row % s.out[i];
    row /= s.out[i];
  }
  int64_t acc = 0;
  for (int64_t t = 0; t < taps; ++t) {
    const int64_t k[3] = {t / (s.kernel[1] * s.kernel[2]), t / s.kernel[2] % s.kernel[1], t % s.kernel[2]};
    int64_t z[3];
    bool inside = true;
    for (int i = 0; i < 3; ++i) {
      z[i] = at[i] * s.stride[i] - s.pad[i] + k[i] * s.dilation[i];
      inside = inside && z[i] >= 0 && z[i] < s.in[i];
    }
    if (!inside) continue;
    for (int64_t ch = 0; ch < group_in; ++ch) {
      const size_t xi = static_cast<size_t>((((row * s.in[0] + z[0]) * s.in[1] + z[1]) * s.in[2] + z[2]) * s.in_channels + group * group_in + ch);
      acc += static_cast<int64_t>(code_of(c.x[xi], c.x_type) - c.x_zp) * c.weights[static_cast<size_t>((o * group_in + ch) * taps + t)];
    }
  }
  return acc;
}

void check_case(const ConvCase& c, bool depthwise, uint64_t seed) {
  const ConvShape& s = c.shape;
  const auto packed = depthwise ? pack_depthwise_weights(s, c.weights.data()) : pack_conv_weights(s, c.weights.data());
  const auto multiplier = pack_channels(s, c.multiplier.data()), bias = pack_channels(s, c.bias.data());
  // The depthwise kernel walks channels, not groups: its arrays are padded at the end only.
  std::vector<float> flat_multiplier(c.multiplier), flat_bias(c.bias);
  flat_multiplier.resize(flat_multiplier.size() + 16);
  flat_bias.resize(flat_bias.size() + 16);
  Epilogue e{};
  e.multiplier = depthwise ? flat_multiplier.data() : multiplier.data();
  e.bias = depthwise ? flat_bias.data() : bias.data();
  e.low = c.limits.low;
  e.high = c.limits.high;
  e.result = c.real ? Epilogue::Result::kF32 : c.y_type == CodeType::kU8 ? Epilogue::Result::kU8 : Epilogue::Result::kS8;
  const ref::OutputGrid grid{c.y_zp, c.y_type == CodeType::kU8 ? 0 : -128, c.y_type == CodeType::kU8 ? 255 : 127};
  e.zero_point = static_cast<float>(grid.zero_point);
  e.code_min = static_cast<float>(grid.code_min);
  e.code_max = static_cast<float>(grid.code_max);
  if (c.with_residual) e.residual = c.residual.data();
  e.residual_type = c.r_type;
  e.residual_zero_point = c.r_zp;
  e.residual_multiplier = c.residual_multiplier;
  std::vector<std::byte> y(static_cast<size_t>(s.rows() * s.out_channels * (c.real ? 4 : 1)));
  ConvData d{c.x.data(), c.x_type, c.x_zp, packed.data(), y.data(), s.out_channels};
  std::vector<int16_t> scratch(static_cast<size_t>(conv_scratch_elements(s)));
  const int64_t half = s.rows() / 2;
  if (depthwise) {
    fast()->depthwise(s, d, e, 0, half);
    fast()->depthwise(s, d, e, half, s.rows());
  } else {
    fast()->conv(s, d, e, 0, half, scratch.data());
    fast()->conv(s, d, e, half, s.rows(), scratch.data());
  }
  for (int64_t row = 0; row < s.rows(); ++row)
    for (int64_t o = 0; o < s.out_channels; ++o) {
      const size_t i = static_cast<size_t>(row * s.out_channels + o);
      const int64_t acc = accumulate(c, row, o);
      const float t = (static_cast<float>(acc) + c.bias[static_cast<size_t>(o)]) * c.multiplier[static_cast<size_t>(o)];
      if (c.real) {
        float actual;
        std::memcpy(&actual, y.data() + i * 4, 4);
        ASSERT_EQ(actual, ref::activate(c.limits.activation, t)) << "seed " << seed << " row " << row << " channel " << o;
        continue;
      }
      const float sum = c.with_residual ? std::fma(c.residual_multiplier, static_cast<float>(code_of(c.residual[i], c.r_type) - c.r_zp), t) : t;
      const int expected = ref::round_to_grid(ref::activate(c.limits.activation, sum), grid);
      ASSERT_EQ(code_of(y[i], c.y_type), expected) << "seed " << seed << " row " << row << " channel " << o << " acc " << acc;
    }
}

TEST(SimdInt8, ConvolutionEqualsTheContract) {
  if (fast() == nullptr) GTEST_SKIP() << "no fast kernels for this instruction set";
  for (uint64_t seed = 0; seed < 400; ++seed) check_case(random_case(seed, false), false, seed);
}

TEST(SimdInt8, DepthwiseEqualsTheContract) {
  if (fast() == nullptr) GTEST_SKIP() << "no fast kernels for this instruction set";
  for (uint64_t seed = 1000; seed < 1400; ++seed) check_case(random_case(seed, true), true, seed);
}

}  // namespace
}  // namespace precis::kernels::simd
