// Losses, random numbers, signals, contractions, detection and sampling with values worked out by hand, on
// both engines; and the values that a run refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "precis/runtime/constant_folding.h"
#include "tests/runtime/run_op.h"
#include "tests/support/expect_error.h"

namespace precis::runtime {
namespace {

using namespace precis::test;
using testing::ElementsAre;

// --- losses

TEST(Losses, MeanIsWeightedAndIgnoresLabels) {
  const Tensor x = floats({3, 2}, {-1, -2, -3, -4, -5, -6});
  const std::string weighted = "w: f32[2] = [1, 3] y = NegativeLogLikelihoodLoss(x, t, w)";
  // 1 * 1, 3 * 4; the third is left out: 13 / 4.
  expect_near(run_op("x: f32[3,2], t: i64[3]", weighted + " {ignore_index=-7}", {x, longs({3}, {0, 1, -7})}),
              {3.25});
  expect_near(
      run_op("x: f32[3,2], t: i64[3]", weighted + " {reduction=\"none\"}", {x, longs({3}, {0, 1, 1})}),
      {1, 12, 18});
  EXPECT_ERROR(run_op("x: f32[3,2], t: i64[3]", weighted, {x, longs({3}, {0, 1, 2})}), ErrorCode::kMalformed,
               "label 2 at 2 is outside [0, 2)");
}

TEST(Losses, CrossEntropyGivesLogProbabilities) {
  const auto out = run("graph g(x: f32[1,2], t: i64[1]) -> (y, p) { y, p = SoftmaxCrossEntropyLoss(x, t) }",
                       {floats({1, 2}, {0, std::log(3.0f)}), longs({1}, {1})});
  expect_near(out[0], {-std::log(0.75)});
  expect_near(out[1], {std::log(0.25), std::log(0.75)});
}

// --- random numbers

TEST(RandomOperators, RepeatAndFollowTheirDistribution) {
  const std::string text =
      "graph g() -> (a, b, c) { a = RandomNormal() {shape=[4000], mean=2.0, scale=3.0}"
      " b = RandomNormal() {shape=[4000], mean=2.0, scale=3.0}"
      " c = RandomUniform() {shape=[4000], low=-1.0, high=3.0, seed=5.0} }";
  const auto first = run(text, {}), second = run(text, {});
  EXPECT_TRUE(tensors_equal(first[0], second[0]));
  EXPECT_FALSE(tensors_equal(first[0], first[1])) << "nodes without a seed draw different numbers";
  double sum = 0, squares = 0, uniform = 0;
  for (double v : numbers(first[0])) sum += v, squares += (v - 2) * (v - 2);
  for (double v : numbers(first[2])) {
    uniform += v;
    EXPECT_TRUE(v >= -1 && v < 3);
  }
  EXPECT_NEAR(sum / 4000, 2, 0.2);
  EXPECT_NEAR(std::sqrt(squares / 4000), 3, 0.2);
  EXPECT_NEAR(uniform / 4000, 1, 0.1);
}

TEST(RandomOperators, AreNeverFolded) {
  Graph g = parse_graph("graph g() -> (y) { p: f32[2] = [0.5, 0.5] y = Bernoulli(p) }");
  infer_and_fold(g, {}, {}, Bodies::kNotCompiled);
  EXPECT_EQ(g.order().size(), 1u);
}

TEST(RandomOperators, BernoulliAndMultinomialFollowTheirProbabilities) {
  Tensor p(DType::kF32, {3000});
  for (size_t i = 0; i < 3000; ++i) p.data<float>()[i] = i < 1000 ? 0.0f : i < 2000 ? 0.25f : 1.0f;
  const Tensor drawn = run_op("p: f32[3000]", "y = Bernoulli(p) {dtype=i32}", {p});
  int64_t part[3] = {};
  for (int64_t i = 0; i < 3000; ++i) part[i / 1000] += drawn.at_int(i);
  EXPECT_EQ(part[0], 0);
  EXPECT_NEAR(static_cast<double>(part[1]), 250, 50);
  EXPECT_EQ(part[2], 1000);
  EXPECT_ERROR(run_op("p: f32[1]", "y = Bernoulli(p)", {floats({1}, {1.5f})}), ErrorCode::kMalformed,
               "the probability 1.5");
  // Weights 1 : 3 of the unnormalized logarithms; class 1 cannot be drawn.
  const Tensor classes = run_op("x: f32[1,3]", "y = Multinomial(x) {sample_size=4000, dtype=i64}",
                                {floats({1, 3}, {0, -INFINITY, std::log(3.0f)})});
  int64_t count[3] = {};
  for (double c : numbers(classes)) ++count[static_cast<size_t>(c)];
  EXPECT_EQ(count[1], 0);
  EXPECT_NEAR(static_cast<double>(count[2]), 3000, 150);
}

TEST(RandomOperators, DropoutInTrainingScalesWhatItKeeps) {
  Tensor x(DType::kF32, {4000});
  for (float& v : x.data<float>()) v = 3;
  const auto out =
      run("graph g(x: f32[4000]) -> (y, m) { r: f32[] = 0.25 t: bool[] = 1 y, m = Dropout(x, r, t) }", {x});
  int64_t kept = 0;
  for (int64_t i = 0; i < 4000; ++i) {
    EXPECT_EQ(out[0].at_double(i), out[1].at_int(i) != 0 ? 4.0 : 0.0);
    kept += out[1].at_int(i);
  }
  EXPECT_NEAR(static_cast<double>(kept), 3000, 150);
  const auto inference =
      run("graph g(x: f32[2]) -> (y, m) { r: f32[] = 0.5 y, m = Dropout(x, r) }", {floats({2}, {1, 2})});
  EXPECT_THAT(numbers(inference[0]), ElementsAre(1, 2));
  EXPECT_THAT(numbers(inference[1]), ElementsAre(1, 1));
}

// --- signals

TEST(Signals, Windows) {
  const auto window = [](const char* op, const char* attributes, int64_t n) {
    return run_op("n: i64[]", std::string("y = ") + op + "(n) " + attributes, {Tensor::scalar(n)});
  };
  expect_near(window("HannWindow", "{}", 4), {0, 0.5, 1, 0.5});
  expect_near(window("HannWindow", "{periodic=0}", 3), {0, 1, 0});
  expect_near(window("HammingWindow", "{periodic=0}", 3), {25.0 / 46 - 21.0 / 46, 1, 25.0 / 46 - 21.0 / 46});
  expect_near(window("BlackmanWindow", "{}", 2), {0, 1});
  expect_near(window("BlackmanWindow", "{periodic=0}", 1), {1});
  EXPECT_EQ(window("HannWindow", "{}", 0).numel(), 0);
  EXPECT_ERROR(window("HannWindow", "{}", -1), ErrorCode::kMalformed, "the size is -1");
}

TEST(Signals, TransformsOfRealSignalsAndBack) {
  const Tensor x = floats({1, 4, 1}, {1, 2, 3, 4});
  const Tensor half = run_op("x: f32[1,4,1]", "y = DFT(x) {onesided=1}", {x});
  expect_near(half, {10, 0, -2, 2, -2, 0});
  const Tensor back = run_op("x: f32[1,3,2]", "y = DFT(x) {inverse=1, onesided=1}", {half});
  EXPECT_EQ(back.shape(), (Shape{1, 4, 1}));
  expect_near(back, {1, 2, 3, 4});
  // Cut to 3 and padded to 5 elements, along axis 0.
  expect_near(
      run_op("x: f32[4,1]", "n: i64[] = 3 a: i64[] = 0 y = DFT(x, n, a) {onesided=1}", {x.reshaped({4, 1})}),
      {6, 0, -1.5, std::sqrt(0.75)});
  EXPECT_EQ(run_op("x: f32[4,1]", "n: i64[] = 5 a: i64[] = 0 y = DFT(x, n, a)", {x.reshaped({4, 1})}).shape(),
            (Shape{5, 2}));
}

TEST(Signals, ShortTimeTransforms) {
  // Frames {1,2}, {2,3}, {3,4}, windowed by {1,2}: sums and differences.
  expect_near(run_op("x: f32[1,4,1]", "s: i64[] = 1 w: f32[2] = [1, 2] y = STFT(x, s, w)",
                     {floats({1, 4, 1}, {1, 2, 3, 4})}),
              {5, 0, -3, 0, 8, 0, -4, 0, 11, 0, -5, 0});
}

// --- contractions

TEST(Contractions, EinsumKeepsSumsAndTakesDiagonals) {
  const Tensor a = floats({2, 3}, {1, 2, 3, 4, 5, 6}), b = floats({3}, {1, 10, 100});
  const auto einsum = [](const std::string& inputs, const std::string& names, const std::string& equation,
                         const std::vector<Tensor>& values) {
    return run_op(inputs, "y = Einsum(" + names + ") {equation=\"" + equation + "\"}", values);
  };
  expect_near(einsum("a: f32[2,3], b: f32[3]", "a, b", "ij,j->i", {a, b}), {321, 654});
  expect_near(einsum("a: f32[2,3], b: f32[3]", "a, b", "ij,j", {a, b}), {321, 654});
  expect_near(einsum("a: f32[2,3]", "a", "ij->j", {a}), {5, 7, 9});
  expect_near(einsum("a: f32[2,3]", "a", "ij->", {a}), {21});
  expect_near(einsum("a: f32[2,2]", "a", "ii", {floats({2, 2}, {1, 2, 3, 4})}), {5});
  expect_near(
      einsum("a: f32[2,3], b: f32[3], c: f32[2]", "a, b, c", "ij,j,i->", {a, b, floats({2}, {1, -1})}),
      {-333});
  const Tensor i = Tensor::from<int32_t>({2}, {3, 4});
  EXPECT_THAT(numbers(einsum("a: i32[2], b: i32[2]", "a, b", "i,j->ji", {i, i})), ElementsAre(9, 12, 12, 16));
}

TEST(Contractions, Determinants) {
  expect_near(run_op("x: f32[2,2,2]", "y = Det(x)", {floats({2, 2, 2}, {0, 2, 3, 4, 1, 2, 2, 4})}), {-6, 0});
}

TEST(Normalization, OfMeanAndVariance) {
  expect_near(run_op("x: f32[1,1,1,2]", "y = MeanVarianceNormalization(x)", {floats({1, 1, 1, 2}, {1, 5})}),
              {-1, 1});
  expect_near(
      run_op("x: f32[2,2]", "y = MeanVarianceNormalization(x) {axes=[0]}", {floats({2, 2}, {1, 10, 3, 30})}),
      {-1, -1, 1, 1});
}

// --- detection

TEST(Detection, EqualScoresGoByIndexAndTheLimitHolds) {
  const Tensor boxes = floats({1, 3, 4}, {0, 0, 1, 1, 1, 1, 0, 0, 0, 2, 1, 3}),
               scores = floats({1, 1, 3}, {0.5f, 0.5f, 0.9f});
  const std::string text = "m: i64[] = 9 i: f32[] = 0.5 y = NonMaxSuppression(b, s, m, i)";
  EXPECT_THAT(numbers(run_op("b: f32[1,3,4], s: f32[1,1,3]", text, {boxes, scores})),
              ElementsAre(0, 0, 2, 0, 0, 0));
  EXPECT_EQ(run_op("b: f32[1,3,4], s: f32[1,1,3]", "y = NonMaxSuppression(b, s)", {boxes, scores}).shape(),
            (Shape{0, 3}));
}

TEST(Detection, MaxRoiPoolRoundsCorners) {
  const Tensor x = floats({1, 1, 3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  // Pixels 1..2 by 0..2: bins of one column and of rows {0, 1} and {1, 2}.
  const std::string op = "y = MaxRoiPool(x, r) {pooled_shape=[2,2]}";
  EXPECT_THAT(numbers(run_op("x: f32[1,1,3,4], r: f32[1,5]", op, {x, floats({1, 5}, {0, 0.6f, 0, 2.4f, 2})})),
              ElementsAre(6, 7, 10, 11));
  EXPECT_THAT(numbers(run_op("x: f32[1,1,3,4], r: f32[1,5]", op, {x, floats({1, 5}, {0, 40, 40, 50, 50})})),
              ElementsAre(0, 0, 0, 0));
  EXPECT_ERROR(run_op("x: f32[1,1,3,4], r: f32[1,5]", op, {x, floats({1, 5}, {1, 0, 0, 1, 1})}),
               ErrorCode::kMalformed, "region 0 belongs to image 1 of 1");
}

TEST(Detection, RoiAlignTakesTheMeanOfItsPoints) {
  const Tensor x = floats({1, 1, 2, 2}, {0, 1, 2, 3});
  // The whole image, one point in the middle.
  const std::string op = "b: i64[1] = [0] y = RoiAlign(x, r, b) {sampling_ratio=1}";
  expect_near(run_op("x: f32[1,1,2,2], r: f32[1,4]", op, {x, floats({1, 4}, {0, 0, 2, 2})}), {1.5});
  EXPECT_ERROR(run_op("x: f32[1,1,2,2], r: f32[1,4]", op, {x, floats({1, 4}, {0, 0, NAN, 2})}),
               ErrorCode::kMalformed, "region 0 has the coordinate nan");
}

TEST(Codes, ScalesOfAnEmptyAxis) {
  const std::string inputs = "x: f32[?,?,?], s: f32[?]";
  EXPECT_EQ(
      run_op(inputs, "y = QuantizeLinear(x, s) {axis=1}", {floats({2, 0, 3}, {}), floats({0}, {})}).shape(),
      (Shape{2, 0, 3}));
}

TEST(Codes, ZeroPointsThatWidenTheProductAreRefused) {
  EXPECT_ERROR(run_op("a: i8[?], b: i8[?], z: i8[?,?]", "y = MatMulInteger(a, b, z)",
                      {floats({2}, {1, 2}).cast(DType::kI8), floats({2}, {1, 2}).cast(DType::kI8),
                       floats({3, 1}, {1, 2, 3}).cast(DType::kI8)}),
               ErrorCode::kMalformed, "zero points of shape [3,1] do not fit codes of shape [2]");
}

// --- sampling

TEST(Sampling, OfOnePointInAllModes) {
  const Tensor x = floats({1, 1, 1, 3}, {10, 20, 40});
  const auto at = [&](float place, const std::string& attributes) {
    return run_op("x: f32[1,1,1,3], g: f32[1,1,1,2]",
                  "y = GridSample(x, g) {align_corners=1, " + attributes + "}",
                  {x, floats({1, 1, 1, 2}, {place, 0})})
        .at_double(0);
  };
  EXPECT_EQ(at(0.5f, "mode=\"linear\""), 30);
  EXPECT_EQ(at(0.5f, "mode=\"nearest\""), 40);  // 1.5: the even one
  EXPECT_EQ(at(-0.5f, "mode=\"nearest\""), 10);
  EXPECT_EQ(at(1.5f, "mode=\"linear\""), 20);  // half beyond the last pixel
  EXPECT_EQ(at(5, "mode=\"linear\""), 0);
  EXPECT_EQ(at(5, "padding_mode=\"border\""), 40);
  EXPECT_EQ(at(1.5f, "padding_mode=\"reflection\""), 30);
  EXPECT_EQ(at(NAN, "mode=\"cubic\""), 0);
  EXPECT_EQ(at(0, "mode=\"cubic\", padding_mode=\"border\""), 20);
  // A quarter beyond the last pixel: weight -0.10546875 for the one before, the rest for the last.
  EXPECT_EQ(at(1.25f, "mode=\"cubic\", padding_mode=\"border\""), 42.109375);
  EXPECT_EQ(at(1e30f, "mode=\"cubic\", padding_mode=\"reflection\""),
            at(1e30f, "mode=\"cubic\", padding_mode=\"reflection\""));
}

TEST(Sampling, GridOfAShift) {
  const Tensor theta = floats({1, 2, 3}, {1, 0, 0.5f, 0, 1, 0});
  expect_near(run_op("t: f32[1,2,3]", "s: i64[4] = [1, 1, 1, 2] y = AffineGrid(t, s)", {theta}),
              {0, 0, 1, 0});
  expect_near(
      run_op("t: f32[1,2,3]", "s: i64[4] = [1, 1, 1, 2] y = AffineGrid(t, s) {align_corners=1}", {theta}),
      {-0.5, 0, 1.5, 0});
}

}  // namespace
}  // namespace precis::runtime
