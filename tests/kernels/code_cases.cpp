// Making of random cases, and their results by the scalar reference.
#include "tests/kernels/code_cases.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "precis/kernels/reference/conv.h"

namespace precis::kernels::simd {
namespace {

namespace ref = precis::kernels::reference;
constexpr std::byte kBlank{0xa5};

void random_window(Random& r, ConvShape& s) {
  const int64_t largest = r.one_in(4) ? 1 : r.one_in(3) ? 5 : 3;
  const int first = r.one_in(8) ? 0 : r.one_in(5) ? 2 : 1;  // volumes, lines, images
  for (int i = first; i < 3; ++i) {
    s.kernel[i] = r.in(1, i == 0 ? std::min<int64_t>(largest, 2) : largest);
    s.dilation[i] = r.one_in(3) ? r.in(1, 3) : 1;
    s.stride[i] = r.coin() ? 1 : r.in(1, 3);
    s.pad[i] = r.coin() ? s.kernel[i] / 2 : r.in(0, s.kernel[i] * s.dilation[i]);
    s.in[i] = first == 2 ? r.in(1, 60) : r.in(1, i == 0 ? 4 : 13);
    const int64_t room = s.in[i] + s.pad[i] + r.in(0, 3) - (s.kernel[i] - 1) * s.dilation[i] - 1;
    s.out[i] = room < 0 ? 1 : room / s.stride[i] + 1;
  }
}

ConvShape random_shape(Random& r, Kind kind) {
  ConvShape s;
  s.batch = r.one_in(8) ? r.in(1, 20) : r.in(1, 2);
  if (kind == Kind::kDepthwise) {
    s.groups = s.in_channels = s.out_channels = r.one_in(3) ? int64_t{8} << r.in(0, 4) : r.in(2, 150);
  } else {
    s.groups = r.one_in(3) ? r.in(2, 4) : 1;
    s.in_channels = s.groups * (r.coin() ? 4 * r.in(1, 20) : r.in(1, 40));
    s.out_channels = s.groups * (r.one_in(3) ? r.in(1, 150) : r.in(1, 40));
  }
  if (!r.one_in(8)) random_window(r, s);
  return s;
}

std::vector<int16_t> random_weights(Random& r, int64_t n, WeightRange range) {
  std::vector<int16_t> w;
  const int64_t most = range == WeightRange::kWide && r.coin() ? r.in(128, 255) : 127;
  const int mode = static_cast<int>(r.in(0, 3));
  for (int64_t i = 0; i < n; ++i)
    w.push_back(static_cast<int16_t>(mode == 0   ? (r.coin() ? -128 : 127)
                                     : mode == 1 ? r.in(-most, most)
                                     : mode == 2 ? most
                                                 : (r.one_in(30) ? -128 : r.in(-50, 50))));
  return w;
}

// Accumulators [batch, out channels, out spatial].
std::vector<int32_t> accumulators(const ConvCase& c) {
  const ConvShape& s = c.shape;
  ref::ConvParams p;
  p.batch = s.batch;
  p.groups = s.groups;
  p.in_channels = s.in_channels;
  p.out_channels = s.out_channels;
  for (size_t i = 0; i < 3; ++i) {
    p.window.in[i] = s.in[i];
    p.window.out[i] = s.out[i];
    p.window.kernel[i] = s.kernel[i];
    p.window.stride[i] = s.stride[i];
    p.window.dilation[i] = s.dilation[i];
    p.window.pad_begin[i] = s.pad[i];
  }
  const int64_t size = p.window.in_size();
  std::vector<int32_t> x(c.x.size()), w(c.weights.begin(), c.weights.end());
  for (size_t i = 0; i < c.x.size(); ++i) {
    const auto at = static_cast<int64_t>(i), pixel = at / s.in_channels;
    x[static_cast<size_t>((pixel / size * s.in_channels + at % s.in_channels) * size + pixel % size)] =
        code_of(c.x[i], c.x_type) - c.x_zp;
  }
  std::vector<int32_t> acc(static_cast<size_t>(s.rows() * s.out_channels));
  ref::conv(p, x.data(), w.data(), acc.data());
  return acc;
}

void expect(ConvCase& c) {
  const ConvShape& s = c.shape;
  const std::vector<int32_t> acc = accumulators(c);
  const int64_t size = s.rows() / s.batch;
  c.expected = c.blank();
  for (int64_t row = 0; row < s.rows(); ++row)
    for (int64_t o = 0; o < s.out_channels; ++o) {
      const auto channel = static_cast<size_t>(o), at = static_cast<size_t>(row * c.y_stride + o);
      ref::Requantize p{c.multiplier[channel], c.bias[channel], c.residual_multiplier, c.limits.activation,
                        grid_of(c.y_type, c.y_zp)};
      const int32_t a = acc[static_cast<size_t>((row / size * s.out_channels + o) * size + row % size)];
      if (c.real) {
        const float t = ref::activate(p.activation, ref::scaled_accumulator(a, p.bias, p.multiplier));
        std::memcpy(c.expected.data() + at * 4, &t, 4);
      } else {
        c.expected[at] = static_cast<std::byte>(
            c.with_residual ? ref::requantize_sum(p, a, code_of(c.residual[at], c.r_type) - c.r_zp)
                            : ref::requantize(p, a));
      }
    }
}

}  // namespace

std::vector<std::byte> Random::codes(int64_t n) {
  std::vector<std::byte> v(static_cast<size_t>(n));
  const int mode = static_cast<int>(in(0, 3));  // extremes saturate pairs in careless kernels
  for (auto& b : v)
    b = mode == 0   ? (coin() ? std::byte{255} : std::byte{0})
        : mode == 1 ? (coin() ? std::byte{0x7f} : std::byte{0x80})
                    : static_cast<std::byte>(in(0, 255));
  return v;
}

Limits limits_of(Random& r) {
  Limits l;
  const int kind = static_cast<int>(r.in(0, 2));
  if (kind == 1) {
    l.low = 0;
    l.activation = ref::fused_relu();
  } else if (kind == 2) {
    l.activation = ref::fused_clip(0, 6, 0.05f);
    l.low = l.activation.lo;
    l.high = l.activation.hi;
  }
  return l;
}

std::vector<Isa> fast_isas() {
  std::vector<Isa> isas;
  for (Isa isa : {Isa::kAvx2, Isa::kAvx2Vnni, Isa::kAvx512, Isa::kAvx512Vnni})
    if (cpu_runs(isa) && kernels_for(isa) != nullptr) isas.push_back(isa);
  return isas;
}

std::vector<std::byte> ConvCase::blank() const {
  return std::vector<std::byte>(static_cast<size_t>(shape.rows() * y_stride * (real ? 4 : 1)), kBlank);
}

Epilogue ConvCase::epilogue() const {
  Epilogue e{};
  e.low = limits.low;
  e.high = limits.high;
  e.result = real                      ? Epilogue::Result::kF32
             : y_type == CodeType::kU8 ? Epilogue::Result::kU8
                                       : Epilogue::Result::kS8;
  const ref::OutputGrid grid = grid_of(y_type, y_zp);
  e.zero_point = static_cast<float>(grid.zero_point);
  e.code_min = static_cast<float>(grid.code_min);
  e.code_max = static_cast<float>(grid.code_max);
  if (with_residual) e.residual = residual.data();
  e.residual_type = r_type;
  e.residual_zero_point = r_zp;
  e.residual_multiplier = residual_multiplier;
  return e;
}

ConvCase random_case(uint64_t seed, Kind kind, WeightRange range) {
  Random r(seed);
  ConvCase c;
  c.shape = random_shape(r, kind);
  const ConvShape& s = c.shape;
  c.x_type = r.type();
  c.y_type = r.type();
  c.r_type = r.type();
  c.x_zp = r.zero_point(c.x_type);
  c.y_zp = r.zero_point(c.y_type);
  c.r_zp = r.zero_point(c.r_type);
  c.x = r.codes(s.batch * s.in[0] * s.in[1] * s.in[2] * s.in_channels);
  c.real = r.one_in(5);
  c.with_residual = !c.real && r.coin();
  c.y_stride = s.out_channels + (!c.with_residual && r.coin() ? r.in(1, 70) : 0);
  if (c.with_residual) c.residual = r.codes(s.rows() * s.out_channels);
  c.residual_multiplier = r.rng.uniform(-2, 2);
  c.limits = limits_of(r);
  c.weights = random_weights(r, s.out_channels * s.depth(), range);
  const int64_t largest_bias = r.one_in(4) ? 1 << 29 : 100000;  // the larger ones do not fit a float
  for (int64_t o = 0; o < s.out_channels; ++o) {
    c.multiplier.push_back(std::ldexp(r.rng.uniform(0.1f, 1), -static_cast<int>(r.in(0, 18))));
    c.bias.push_back(static_cast<int32_t>(r.in(-largest_bias, largest_bias)));
  }
  expect(c);
  return c;
}

}  // namespace precis::kernels::simd
