// What the settled scales are for: no result of codes lies near the middle between two codes. Every case is
// computed exactly, in double.
#include "precis/passes/settle_scales.h"

#include <gmock/gmock.h>

#include <cmath>

#include "pass_harness.h"
#include "precis/core/rng.h"
#include "precis/passes/quantize_static.h"
#include "precis/quant/tie_free.h"

namespace precis::test {
namespace {

using passes::QuantizeOptions;
using passes::Target;

// Each value gets another range, so that no scales are equal by chance.
quant::RangeTable uneven_ranges(const Graph& g) {
  quant::RangeTable t;
  for (size_t i = 0; i < g.num_values(); ++i) {
    const Value& v = g.value(ValueId{static_cast<int32_t>(i)});
    const float reach = 1.37f + 0.61f * static_cast<float>(i);
    if (v.alive && !v.is_constant())
      t.entries[v.name].add_sample(std::vector<float>{-reach, 0, 1.1f * reach});
  }
  return t;
}

Model quantized(const std::string& text, Target target = Target::kOnnxRuntime,
                std::vector<passes::OverrideRule> rules = {}) {
  Model m = model_of(text);
  QuantizeOptions o;
  o.observer.kind = quant::ObserverKind::kMinMax;
  o.target = target;
  o.rules = std::move(rules);
  passes::quantize_static(m, uneven_ranges(m.graph), o);
  return m;
}

const Encoding& encoding(const Model& m, const char* name) {
  return m.graph.value(m.graph.find_value(name)).type.encoding;
}
double scale(const Model& m, const char* name) { return encoding(m, name).scale(); }
double from_middle(double t) { return std::fabs(t - std::floor(t) - 0.5); }

constexpr double kClear = 3e-5;  // four roundings of a float below 256

TEST(SettleScales, ConvolutionsChannelByChannel) {
  const Model m = quantized(R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    w: f32[2,2,1,1] = [1, -2, 0.3, 0.4]
    v: f32[2,2,1,1] = [1, -2, 3, 4]
    c = Conv(x, w)
    r = Relu(c)
    y = Conv(r, v)
  })");
  for (const float sw : encoding(m, "w").scales)
    for (int64_t n = 0; n * scale(m, "x/codes") * sw / scale(m, "r") < 256; ++n)
      ASSERT_GT(from_middle(static_cast<double>(n) * scale(m, "x/codes") * sw / scale(m, "r")), kClear) << n;
}

TEST(SettleScales, SumsAndDifferences) {
  for (const char* op : {"Add", "Sub"}) {
    const Model m = quantized(std::string(R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    w: f32[2,2,1,1] = [1, -2, 3, 4]
    v: f32[2,2,1,1] = [2, -2, 3, 4]
    u: f32[2,2,1,1] = [2, -2, 3, 5]
    a = Conv(x, w)
    b = Conv(x, v)
    s = )") + op + "(a, b)\n y = Conv(s, u)\n }");
    for (int a = 0; a < 256; ++a)
      for (int b = -255; b < 256; ++b)
        ASSERT_GT(from_middle((a * scale(m, "a") + b * scale(m, "b")) / scale(m, "s")), 2 * kClear)
            << op << a << b;
  }
}

// The second sum reads the first: its scale is not touched again.
TEST(SettleScales, ChainsOfSums) {
  const Model m = quantized(R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    w: f32[2,2,1,1] = [1, -2, 3, 4]
    v: f32[2,2,1,1] = [2, -2, 3, 4]
    u: f32[2,2,1,1] = [2, -2, 3, 5]
    t: f32[2,2,1,1] = [2, -7, 3, 5]
    a = Conv(x, w)
    b = Conv(a, v)
    s = Add(a, b)
    c = Conv(s, u)
    r = Add(c, s)
    y = Conv(r, t)
  })");
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b) {
      ASSERT_GT(from_middle((a * scale(m, "a") + b * scale(m, "b")) / scale(m, "s")), 2 * kClear) << a << b;
      ASSERT_GT(from_middle((a * scale(m, "c") + b * scale(m, "s")) / scale(m, "r")), 2 * kClear) << a << b;
    }
}

TEST(SettleScales, ProductsMeansAndFunctions) {
  const Model m = quantized(R"(
  graph g(x: f32[N,2,4,4]) -> (y) {
    w: f32[2,2,1,1] = [1, -2, 3, 4]
    v: f32[2,2,1,1] = [2, -2, 3, 4]
    u: f32[2,2,1,1] = [2, -2, 3, 5]
    c = Conv(x, w)
    h = HardSwish(c)
    g = GlobalAveragePool(h)
    k = Conv(g, v)
    q = Mul(h, k)
    y = Conv(q, u)
  })");
  for (int64_t n = 0; n < 256 * 256; ++n)
    ASSERT_GT(from_middle(static_cast<double>(n) * scale(m, "h") * scale(m, "k") / scale(m, "q")), kClear)
        << n;
  for (int64_t n = 0; n < 256 * 16; ++n)
    ASSERT_GT(from_middle(static_cast<double>(n) * scale(m, "h") / (16 * scale(m, "g"))), kClear) << n;
  for (int64_t n = 0; n < 256; ++n)
    ASSERT_GT(from_middle(static_cast<double>(n) * scale(m, "c") / scale(m, "h")), kClear) << n;
}

// a is read elsewhere, so that its codes move onto the Concat's grid.
TEST(SettleScales, InputsOfConcat) {
  const Model m = quantized(R"(
  graph g(x: f32[1,2,4,4]) -> (y, z) {
    w: f32[2,2,1,1] = [1, -2, 3, 4]
    v: f32[2,2,1,1] = [2, -2, 3, 4]
    u: f32[2,4,1,1] = [2, -2, 3, 5, 1, 1, 1, 1]
    a = Conv(x, w)
    b = Conv(a, v)
    c = Concat(a, b) {axis=1}
    y = Conv(c, u)
    z = Conv(a, v)
  })");
  ASSERT_NE(encoding(m, "a"), encoding(m, "c"));
  for (int64_t n = 0; n < 256; ++n)
    ASSERT_GT(from_middle(static_cast<double>(n) * scale(m, "a") / scale(m, "c")), kClear) << n;
}

TEST(SettleScales, ResidualsThatAreSummedUnrounded) {
  const Model m = quantized(R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    w: f32[2,2,1,1] = [1, -2, 3, 4]
    v: f32[2,2,1,1] = [2, -2, 0.3, 0.4]
    u: f32[2,2,1,1] = [2, -2, 3, 5]
    a = Conv(x, w)
    b = Conv(a, v)
    s = Add(b, a)
    y = Conv(s, u)
  })",
                            Target::kOpenVino);
  EXPECT_FALSE(encoding(m, "b").defined());
  Rng rng(4);
  for (const float sv : encoding(m, "v").scales)
    for (int i = 0; i < 20000; ++i) {
      const double acc = std::floor(rng.uniform(-30000, 30000)), r = std::floor(rng.uniform(0, 256));
      ASSERT_GT(from_middle(acc * scale(m, "a") * sv / scale(m, "s") + r * scale(m, "a") / scale(m, "s")),
                kClear)
          << acc << " " << r;
    }
}

TEST(SettleScales, ScalesOfRulesStay) {
  passes::OverrideRule s, a;
  s.match = "s";
  s.scale = 0.0421f;
  a.match = "a";
  a.scale = 0.0123f;
  const Model m = quantized(R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    w: f32[2,2,1,1] = [1, -2, 3, 4]
    v: f32[2,2,1,1] = [2, -2, 3, 4]
    u: f32[2,2,1,1] = [2, -2, 3, 5]
    a = Conv(x, w)
    b = Conv(a, v)
    s = Add(a, b)
    y = Conv(s, u)
  })",
                            Target::kOnnxRuntime, {s, a});
  EXPECT_EQ(encoding(m, "s").scale(), 0.0421f);
  EXPECT_EQ(encoding(m, "a").scale(), 0.0123f);
}

// One constant for two convolutions stays one: no scale suits both.
TEST(SettleScales, SharedWeightsStayShared) {
  const Model m = quantized(R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    w: f32[2,2,1,1] = [1, -2, 3, 4]
    c = Conv(x, w)
    r = Relu(c)
    d = Conv(r, w)
    y = Conv(d, w)
  })");
  EXPECT_EQ(m.graph.value(m.graph.find_value("w")).uses.size(), 3u);
}

TEST(SettleScales, ScalesStayPositiveWhereAResultIsNextToNothing) {
  passes::OverrideRule rule;
  rule.match = "r";
  rule.range_min = 0;
  rule.range_max = 1e-30f;
  const Model m = quantized(R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    w: f32[2,2,1,1] = [1, -2, 0.3, 0.4]
    v: f32[2,2,1,1] = [1, -2, 3, 4]
    c = Conv(x, w)
    r = Relu(c)
    y = Conv(r, v)
  })",
                            Target::kOnnxRuntime, {rule});
  for (const char* name : {"w", "v"})
    for (const float s : encoding(m, name).scales) EXPECT_TRUE(std::isfinite(s) && s > 0) << name << s;
}

// c is moved onto a Concat's grid that a sum has settled: the function of c, which comes first, keeps its
// ratio.
TEST(SettleScales, FunctionsOfWhatIsConcatenatedLater) {
  const Model m = quantized(R"(
  graph g(x: f32[1,2,4,4]) -> (z) {
    w: f32[2,2,1,1] = [1, -2, 0.3, 0.4]
    v: f32[2,2,1,1] = [2, -2, 3, 4]
    k: f32[4,2,1,1] = [2, -2, 3, 5, 1, 2, 3, 4]
    u: f32[2,4,1,1] = [2, -2, 3, 5, 1, 2, 3, 4]
    c = Conv(x, w)
    s = HardSwish(c)
    b = Conv(s, v)
    e = Conv(x, k)
    d = Concat(b, c) {axis=1}
    a = Add(d, e)
    z = Conv(a, u)
  })");
  const double multiplier = scale(m, "c") / scale(m, "s");
  const auto ratio = quant::tie_free_ratio(multiplier, quant::Shorten::kUp);
  ASSERT_TRUE(ratio);
  EXPECT_NEAR(ratio->value() / multiplier, 1, 3e-7);
}

}  // namespace
}  // namespace precis::test
