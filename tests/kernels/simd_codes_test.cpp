// Parity of the element-wise, pooling and moving kernels on codes with the scalar contract, for every
// instruction set that this CPU has: the integers must be equal, float results bit for bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "tests/kernels/code_cases.h"

namespace precis::kernels::simd {
namespace {

namespace ref = precis::kernels::reference;
constexpr float kInf = std::numeric_limits<float>::infinity();

bool runs_here(Isa isa) {
  if (cpu_isa() == Isa::kScalar) return false;
  return isa == Isa::kAvx2 || isa == Isa::kAvx2Vnni ||
         cpu_isa() >= isa;  // the AVX2 VNNI table has no VNNI in these kernels
}

class SimdCodes : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!runs_here(GetParam())) GTEST_SKIP() << "this CPU has no " << isa_name(GetParam());
    fast_ = kernels_for(GetParam());
    ASSERT_NE(fast_, nullptr);
  }
  const Kernels* fast_ = nullptr;
};

ref::OutputGrid random_grid(Random& r, CodeType type) {
  return {r.zero_point(type), type == CodeType::kU8 ? 0 : -128, type == CodeType::kU8 ? 255 : 127};
}

template <typename P>
void set_grid(P& p, const ref::OutputGrid& grid) {
  p.zero_point = static_cast<float>(grid.zero_point);
  p.code_min = static_cast<float>(grid.code_min);
  p.code_max = static_cast<float>(grid.code_max);
}

template <typename P>
void set_operands(P& p, Random& r, const Limits& limits) {
  p.a_type = r.type();
  p.b_type = r.type();
  p.y_type = r.type();
  p.a_zero_point = r.zero_point(p.a_type);
  p.b_zero_point = r.zero_point(p.b_type);
  p.low = limits.low;
  p.high = limits.high;
}

// One byte more than the kernel may write.
struct Guarded {
  explicit Guarded(size_t n) : bytes(n + 1, std::byte{0x5a}) {}
  std::byte* data() { return bytes.data(); }
  bool intact() const { return bytes.back() == std::byte{0x5a}; }
  std::vector<std::byte> bytes;
};

TEST_P(SimdCodes, SumsAndRescaling) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random r(seed);
    const int64_t n = r.in(1, 140);
    const auto a = r.codes(n), b = r.codes(n);
    const Limits limits = limits_of(r);
    Kernels::Sum p{};
    set_operands(p, r, limits);
    p.multiplier_a = r.rng.uniform(0, 2);
    p.multiplier_b = r.rng.uniform(-2, 2);
    const ref::OutputGrid grid = random_grid(r, p.y_type);
    set_grid(p, grid);
    Guarded y(a.size()), z(a.size());
    fast_->add(p, a.data(), b.data(), y.data(), n);
    fast_->rescale({p.a_type, p.y_type, p.a_zero_point, p.multiplier_a, p.zero_point, p.code_min, p.code_max},
                   a.data(), z.data(), n);
    ASSERT_TRUE(y.intact() && z.intact());
    for (size_t i = 0; i < a.size(); ++i) {
      const float fa = static_cast<float>(code_of(a[i], p.a_type) - p.a_zero_point),
                  fb = static_cast<float>(code_of(b[i], p.b_type) - p.b_zero_point);
      const float t = std::fma(fb, p.multiplier_b, fa * p.multiplier_a);
      ASSERT_EQ(code_of(y.bytes[i], p.y_type), ref::round_to_grid(ref::activate(limits.activation, t), grid))
          << seed;
      ASSERT_EQ(code_of(z.bytes[i], p.y_type), ref::round_to_grid(fa * p.multiplier_a, grid)) << seed;
    }
  }
}

TEST_P(SimdCodes, Products) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random r(seed);
    const int64_t n = r.in(1, 140);
    const auto a = r.codes(n), b = r.codes(n);
    const Limits limits = limits_of(r);
    Kernels::Product p{};
    set_operands(p, r, limits);
    p.multiplier = std::ldexp(r.rng.uniform(0.1f, 1), -static_cast<int>(r.in(0, 10)));
    const ref::OutputGrid grid = random_grid(r, p.y_type);
    set_grid(p, grid);
    Guarded y(a.size());
    fast_->multiply(p, a.data(), b.data(), y.data(), n);
    ASSERT_TRUE(y.intact());
    for (size_t i = 0; i < a.size(); ++i) {
      const int product =
          (code_of(a[i], p.a_type) - p.a_zero_point) * (code_of(b[i], p.b_type) - p.b_zero_point);
      const float t = static_cast<float>(product) * p.multiplier;
      ASSERT_EQ(code_of(y.bytes[i], p.y_type), ref::round_to_grid(ref::activate(limits.activation, t), grid))
          << seed;
    }
  }
}

TEST_P(SimdCodes, AffineMapsPerChannel) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random r(seed);
    const int64_t rows = r.in(1, 5), channels = r.in(1, 70);
    const auto x = r.codes(rows * channels);
    const Limits limits = limits_of(r);
    std::vector<float> multiplier, offset;
    for (int64_t c = 0; c < channels; ++c) {
      multiplier.push_back(r.rng.uniform(-2, 2));
      offset.push_back(r.rng.uniform(-200, 200));
    }
    Kernels::Affine p{};
    p.x_type = r.type();
    p.y_type = r.type();
    p.x_zero_point = r.zero_point(p.x_type);
    p.multiplier = multiplier.data();
    p.offset = offset.data();
    p.low = limits.low;
    p.high = limits.high;
    const ref::OutputGrid grid = random_grid(r, p.y_type);
    set_grid(p, grid);
    Guarded y(x.size());
    fast_->affine(p, x.data(), y.data(), rows, channels);
    ASSERT_TRUE(y.intact());
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t c = i % static_cast<size_t>(channels);
      const float t =
          std::fma(static_cast<float>(code_of(x[i], p.x_type) - p.x_zero_point), multiplier[c], offset[c]);
      ASSERT_EQ(code_of(y.bytes[i], p.y_type), ref::round_to_grid(ref::activate(limits.activation, t), grid))
          << seed;
    }
  }
}

TEST_P(SimdCodes, QuantizeHandlesTiesNanAndInfinity) {
  std::vector<float> x = {0.5f,  1.5f,  2.5f,   -0.5f, -1.5f, NAN,    kInf,
                          -kInf, 1e30f, -1e30f, 0,     -0.0f, 254.5f, 3.49999976f};
  Random r(5);
  for (int i = 0; i < 1000; ++i) x.push_back(r.rng.uniform(-400, 400));
  std::vector<std::byte> y(x.size());
  for (CodeType type : {CodeType::kU8, CodeType::kS8})
    for (float scale : {1.0f, 0.1f, 3.0f}) {
      const int lo = type == CodeType::kU8 ? 0 : -128, hi = lo + 255;
      fast_->quantize(x.data(), scale, 10, static_cast<float>(lo), static_cast<float>(hi), type, y.data(),
                      static_cast<int64_t>(x.size()));
      for (size_t i = 0; i < x.size(); ++i)
        ASSERT_EQ(code_of(y[i], type), quantize_value(x[i], scale, 10, lo, hi)) << x[i];
      std::vector<float> back(x.size());
      fast_->dequantize(y.data(), type, scale, 10, back.data(), static_cast<int64_t>(x.size()));
      for (size_t i = 0; i < x.size(); ++i)
        ASSERT_EQ(back[i], dequantize_value(code_of(y[i], type), scale, 10));
    }
}

struct PoolCase {
  PoolShape shape;
  AveragePool average;
  CodeType type;
  ref::OutputGrid grid;
  std::vector<float> multiplier{0};
  std::vector<std::byte> x;
};

PoolCase pool_case(uint64_t seed) {
  Random r(seed);
  PoolCase c;
  PoolShape& s = c.shape;
  AveragePool& p = c.average;
  s.batch = r.in(1, 2);
  s.channels = r.in(1, 150);
  for (int i = 1; i < 3; ++i) {
    s.kernel[i] = r.in(1, 3);
    s.stride[i] = r.in(1, 2);
    s.dilation[i] = r.in(1, 2);
    s.pad[i] = r.in(0, s.kernel[i] - 1);
    s.in[i] = r.in((s.kernel[i] - 1) * s.dilation[i] + 1, 9);
    s.out[i] = (s.in[i] + 2 * s.pad[i] - (s.kernel[i] - 1) * s.dilation[i] - 1) / s.stride[i] + 1;
    p.padded_end[i] = s.in[i] + s.pad[i];
  }
  if (seed % 50 == 49) {  // a window whose sum leaves 16 bits
    s.in[1] = 30, s.in[2] = 40;
    for (int i = 1; i < 3; ++i) {
      s.kernel[i] = s.in[i] - r.in(0, 3), s.stride[i] = s.dilation[i] = 1, s.pad[i] = 0;
      s.out[i] = s.in[i] - s.kernel[i] + 1;
      p.padded_end[i] = s.in[i];
    }
  }
  p.padded_end[0] = 1;
  p.include_pad = r.coin();
  p.real = r.coin();
  c.type = r.type();
  p.x_zero_point = r.zero_point(c.type);
  for (int64_t n = 1; n <= s.kernel[1] * s.kernel[2]; ++n)
    c.multiplier.push_back(0.7f / static_cast<float>(n));
  c.grid = random_grid(r, c.type);
  set_grid(p, c.grid);
  c.x = r.codes(s.batch * s.in[1] * s.in[2] * s.channels);
  return c;
}

struct PoolTruth {
  int best, sum = 0, count = 0, padded = 0;
};

PoolTruth pool_truth(const PoolCase& c, int64_t row, int64_t channel) {
  const PoolShape& s = c.shape;
  PoolTruth t{c.grid.code_min};
  const int64_t ow = row % s.out[2], oh = row / s.out[2] % s.out[1], n = row / s.out[2] / s.out[1];
  for (int64_t a = 0; a < s.kernel[1]; ++a)
    for (int64_t b = 0; b < s.kernel[2]; ++b) {
      const int64_t h = oh * s.stride[1] - s.pad[1] + a * s.dilation[1],
                    w = ow * s.stride[2] - s.pad[2] + b * s.dilation[2];
      t.padded += h < c.average.padded_end[1] && w < c.average.padded_end[2];
      if (h < 0 || w < 0 || h >= s.in[1] || w >= s.in[2]) continue;
      const int code =
          code_of(c.x[static_cast<size_t>(((n * s.in[1] + h) * s.in[2] + w) * s.channels + channel)], c.type);
      t.best = std::max(t.best, code);
      t.sum += code - c.average.x_zero_point;
      ++t.count;
    }
  return t;
}

TEST_P(SimdCodes, Pools) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    PoolCase c = pool_case(seed);
    c.average.multiplier = c.multiplier.data();
    const PoolShape& s = c.shape;
    const size_t count = static_cast<size_t>(s.rows() * s.channels);
    Guarded top(count), mean(c.average.real ? 4 * count : count);
    const int64_t half = s.rows() / 2;  // a call may start anywhere
    for (const auto& [first, last] : {std::pair(int64_t{0}, half), std::pair(half, s.rows())}) {
      fast_->max_pool(s, c.type, c.x.data(), top.data(), first, last);
      fast_->average_pool(s, c.average, c.type, c.type, c.x.data(), mean.data(), first, last);
    }
    ASSERT_TRUE(top.intact() && mean.intact());
    for (size_t i = 0; i < count; ++i) {
      const PoolTruth truth =
          pool_truth(c, static_cast<int64_t>(i) / s.channels, static_cast<int64_t>(i) % s.channels);
      ASSERT_EQ(code_of(top.bytes[i], c.type), truth.best) << seed;
      const float t = static_cast<float>(truth.sum) *
                      c.multiplier[static_cast<size_t>(c.average.include_pad ? truth.padded : truth.count)];
      float real = 0;
      if (c.average.real) std::memcpy(&real, mean.bytes.data() + 4 * i, 4);
      if (c.average.real)
        ASSERT_EQ(real, t) << seed;
      else
        ASSERT_EQ(code_of(mean.bytes[i], c.type), ref::round_to_grid(t, c.grid)) << seed;
    }
  }
}

TEST_P(SimdCodes, Transposes) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random r(seed);
    const int64_t rows = r.coin() ? r.in(1, 8) : r.in(1, 50), columns = r.in(1, 50);
    const int64_t from_stride = columns + r.in(0, 3), to_stride = rows + (r.coin() ? 0 : r.in(1, 3));
    const auto x = r.codes(rows * from_stride);
    std::vector<std::byte> y(static_cast<size_t>(columns * to_stride), std::byte{0x5a}), want = y;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t k = 0; k < columns; ++k)
        want[static_cast<size_t>(k * to_stride + i)] = x[static_cast<size_t>(i * from_stride + k)];
    fast_->transpose(x.data(), from_stride, rows, columns, y.data(), to_stride);
    ASSERT_EQ(y, want) << rows << " x " << columns;
  }
}

TEST_P(SimdCodes, TablesOverAllCodes) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Random r(seed);
    const int64_t n = r.in(1, 300);
    std::vector<std::byte> table;
    for (int i = 0; i < 256; ++i) table.push_back(static_cast<std::byte>(r.in(0, 255)));
    const auto x = r.codes(n);
    Guarded y(x.size());
    fast_->look_up(table.data(), x.data(), y.data(), n);
    ASSERT_TRUE(y.intact());
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y.bytes[i], table[std::to_integer<size_t>(x[i])]);
  }
}

TEST_P(SimdCodes, Permutations) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Random r(seed);
    const int64_t rows = r.in(1, 4), channels = seed == 99 ? 1030 : r.in(1, 600);
    Permutation p;
    for (int64_t c = 0; c < channels; ++c) p.index.push_back(static_cast<uint16_t>(r.in(0, channels - 1)));
    p.tables = fast_->permutation_tables(p.index);
    const auto x = r.codes(rows * channels);
    Guarded y(x.size());
    fast_->permute(p, x.data(), y.data(), rows);
    ASSERT_TRUE(y.intact());
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t c = i % static_cast<size_t>(channels);
      ASSERT_EQ(y.bytes[i], x[i - c + p.index[c]]) << seed;
    }
  }
}

TEST_P(SimdCodes, Blends) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random r(seed);
    const int64_t n = r.in(1, 70), taps = r.in(1, 5);
    const CodeType type = r.type(), result = r.type();
    const int32_t zero_point = r.zero_point(type);
    const ref::OutputGrid grid = random_grid(r, result);
    std::vector<std::vector<std::byte>> rows;
    std::vector<std::vector<float>> reals;
    std::vector<const std::byte*> row_pointers;
    std::vector<const float*> real_pointers;
    std::vector<float> weights;
    for (int64_t t = 0; t < taps; ++t) {
      weights.push_back(r.rng.uniform(-1, 1));
      rows.push_back(r.codes(n));
      auto& values = reals.emplace_back();
      for (int64_t i = 0; i < n; ++i) values.push_back(r.rng.uniform(-300, 300));
    }
    for (int64_t t = 0; t < taps; ++t) {
      row_pointers.push_back(rows[static_cast<size_t>(t)].data());
      real_pointers.push_back(reals[static_cast<size_t>(t)].data());
    }
    Kernels::Grid g{0.7f, 0, 0, 0};
    set_grid(g, grid);
    std::vector<float> y(static_cast<size_t>(n));
    Guarded codes(static_cast<size_t>(n));
    fast_->blend_codes(row_pointers.data(), weights.data(), taps, type, zero_point, y.data(), n);
    fast_->blend_reals(real_pointers.data(), weights.data(), taps, g, codes.data(), n);
    ASSERT_TRUE(codes.intact());
    for (size_t i = 0; i < y.size(); ++i) {
      float of_codes = 0, of_reals = 0;
      for (size_t t = 0; t < weights.size(); ++t) {
        of_codes += weights[t] * static_cast<float>(code_of(rows[t][i], type) - zero_point);
        of_reals += weights[t] * reals[t][i];
      }
      ASSERT_EQ(y[i], of_codes) << seed;
      ASSERT_EQ(code_of(codes.bytes[i], result), ref::round_to_grid(of_reals * 0.7f, grid)) << seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, SimdCodes,
                         testing::Values(Isa::kAvx2, Isa::kAvx2Vnni, Isa::kAvx512, Isa::kAvx512Vnni),
                         [](const auto& info) { return std::string(isa_name(info.param)); });

}  // namespace
}  // namespace precis::kernels::simd
