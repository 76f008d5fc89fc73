// Seeded weights: what is drawn, with which spread, and that the bytes depend on the seed alone.
#include "bench/seed_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "precis/graph/text.h"
#include "precis/onnx/onnx_io.h"
#include "tests/support/expect_error.h"

namespace precis::bench {
namespace {

// A convolution with a filled weight and a filled bias, batch norm, Caffe's scale layer through Unsqueeze, a
// residual sum and a classifier.
constexpr const char* kNet = R"(
  graph net(x: f32[1,64,8,8]) -> (y) {
    ws: i64[4] = [64, 64, 3, 3]
    w = ConstantOfShape(ws)
    bs: i64[1] = [64]
    b = ConstantOfShape(bs)
    one: f32[64] = constant(fill, value=1)
    zero: f32[64] = constant(fill, value=0)
    axes: i64[2] = [1, 2]
    scale = Unsqueeze(one, axes)
    half: f32[] = [0.5]
    rs: i64[2] = [1, 64]
    ls: i64[2] = [64, 1000]
    c = Conv(x, w, b) {pads=[1,1,1,1]}
    n = BatchNormalization(c, one, zero, zero, one)
    m = Mul(n, scale)
    r = Relu(m)
    h = Mul(r, half)
    p = GlobalAveragePool(h)
    f = Reshape(p, rs)
    l = ConstantOfShape(ls)
    y = Gemm(f, l)
  })";

Model seeded(uint64_t seed) {
  Model m;
  m.graph = parse_graph(kNet);
  seed_weights(m, seed);
  return m;
}

std::span<const float> numbers(const Model& m, const char* name) {
  const Tensor* t = m.graph.constant(m.graph.find_value(name));
  EXPECT_NE(t, nullptr) << name;
  return t->data<float>();
}

double deviation(std::span<const float> xs) {
  double squares = 0;
  for (float x : xs) squares += static_cast<double>(x) * x;
  return std::sqrt(squares / static_cast<double>(xs.size()));
}

TEST(SeedWeights, HeNormalByFanInAndByWhatFollows) {
  const Model m = seeded(1);
  EXPECT_NEAR(deviation(numbers(m, "w")), std::sqrt(2.0 / (64 * 9)), 1e-3);  // a Relu follows
  EXPECT_NEAR(deviation(numbers(m, "l")), std::sqrt(1.0 / 64), 2e-3);        // nothing follows
}

TEST(SeedWeights, BiasesAboutZeroScalesAboutOne) {
  const Model m = seeded(1);
  EXPECT_NEAR(deviation(numbers(m, "b")), 0.05, 0.02);
  for (const char* name : {"one", "scale"}) {
    EXPECT_GE(std::ranges::min(numbers(m, name)), 0.8f) << name;
    EXPECT_LE(std::ranges::max(numbers(m, name)), 1.25f) << name;
  }
  EXPECT_EQ(numbers(m, "half")[0], 0.5f);  // one number for all is no parameter of channels
}

TEST(SeedWeights, FillsBecomeInitializers) {
  const Model m = seeded(1);
  for (NodeId id : m.graph.order()) {
    EXPECT_FALSE(m.graph.node(id).is("ConstantOfShape"));
    EXPECT_FALSE(m.graph.node(id).is("Unsqueeze"));
  }
}

TEST(SeedWeights, SameBytesFromTheSameSeedAlone) {
  const auto first = onnx_io::serialize_model(seeded(1));
  EXPECT_EQ(first, onnx_io::serialize_model(seeded(1)));
  EXPECT_NE(first, onnx_io::serialize_model(seeded(2)));
}

TEST(SeedWeights, RefusesAModelWithoutWeights) {
  Model m;
  m.graph = parse_graph("graph g(x: f32[1,2]) -> (y) {\n y = Relu(x)\n}");
  EXPECT_ERROR(seed_weights(m, 1), ErrorCode::kUsage, "has no f32 weights to seed");
}

}  // namespace
}  // namespace precis::bench
