// Patches, counting, classical models and narrow types with values worked out by hand, on both engines; and
// the values that a run refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/runtime/run_op.h"
#include "tests/support/expect_error.h"

namespace precis::runtime {
namespace {

using namespace precis::test;
using testing::ElementsAre;

// --- patches

TEST(Patches, ColumnsAddUpWhereTheyOverlap) {
  // Two windows of 2 over 3 elements.
  expect_near(run_op("x: f32[1,2,2]", "i: i64[1] = [3] b: i64[1] = [2] y = Col2Im(x, i, b)",
                     {floats({1, 2, 2}, {1, 2, 10, 20})}),
              {1, 12, 20});
}

TEST(Patches, CropAndFrame) {
  const Tensor x = Tensor::from<int8_t>({5}, {1, 2, 3, 4, 5});
  const auto cut = [&](const char* length) {
    return numbers(
        run_op("x: i8[5]", std::string("s: i64[1] = [") + length + "] y = CenterCropPad(x, s)", {x}));
  };
  EXPECT_THAT(cut("2"), ElementsAre(2, 3));
  EXPECT_THAT(cut("8"), ElementsAre(0, 1, 2, 3, 4, 5, 0, 0));
  const Tensor packed = run_op("x: i4[5]", "s: i64[1] = [3] y = CenterCropPad(x, s)", {x.cast(DType::kI4)});
  EXPECT_EQ(packed.dtype(), DType::kI4);
  EXPECT_THAT(numbers(packed), ElementsAre(2, 3, 4));
}

TEST(Patches, DeformedTapsReadBesideTheirPlaces) {
  // One tap, moved by half a pixel to the right: the mean of neighbours, 0 beyond the edge; the mask halves.
  const Tensor x = floats({1, 1, 1, 3}, {2, 4, 8});
  const Tensor offset = floats({1, 2, 1, 3}, {0, 0, 0, 0.5f, 0.5f, 0.5f});
  expect_near(
      run_op(
          "x: f32[1,1,1,3], o: f32[1,2,1,3]",
          "w: f32[1,1,1,1] = [3] b: f32[1] = [1] m: f32[1,1,1,3] = [1, 1, 0.5] y = DeformConv(x, w, o, b, m)",
          {x, offset}),
      {10, 19, 7});
}

// --- counting

TEST(Counting, UniqueSortedAndByOccurrence) {
  const Tensor x = floats({6}, {3, NAN, 1, 3, NAN, 2});
  const auto sorted = run("graph g(x: f32[6]) -> (a, b, c, d) { a, b, c, d = Unique(x) }", {x});
  EXPECT_THAT(numbers(sorted[1]), ElementsAre(2, 5, 0, 1));
  EXPECT_THAT(numbers(sorted[2]), ElementsAre(2, 3, 0, 2, 3, 1));
  EXPECT_THAT(numbers(sorted[3]), ElementsAre(1, 1, 2, 2));
  const auto met = run("graph g(x: f32[6]) -> (a, b, c, d) { a, b, c, d = Unique(x) {sorted=0} }", {x});
  EXPECT_THAT(numbers(met[1]), ElementsAre(0, 1, 2, 5));
  EXPECT_THAT(numbers(met[2]), ElementsAre(0, 1, 2, 0, 1, 3));
  EXPECT_THAT(numbers(run_op("x: i32[2,3]", "y = Unique(x) {axis=1}",
                             {Tensor::from<int32_t>({2, 3}, {5, 1, 5, 6, 2, 6})})),
              ElementsAre(1, 5, 2, 6));
}

TEST(Counting, GramsByFrequencyAndWeight) {
  const auto count = [](const std::string& mode) {
    return numbers(
        run_op("x: i64[5]",
               "y = TfIdfVectorizer(x) {mode=\"" + mode +
                   "\", min_gram_length=1, max_gram_length=2, max_skip_count=1, ngram_counts=[0,1], "
                   "ngram_indexes=[2,0], pool_int64s=[7,7,9], weights=[0.5,4.0]}",
               {longs({5}, {7, 7, 9, 7, 9})}));
  };
  EXPECT_THAT(count("TF"), ElementsAre(3, 0, 3));  // (7,9) twice side by side, once over one in between
  EXPECT_THAT(count("IDF"), ElementsAre(4, 0, 0.5));
  EXPECT_THAT(count("TFIDF"), ElementsAre(12, 0, 1.5));
}

TEST(Counting, CachesAreWrittenPerSample) {
  const Tensor past = floats({2, 3, 1}, {1, 2, 3, 4, 5, 6}), update = floats({2, 2, 1}, {10, 20, 30, 40});
  const std::string inputs = "p: f32[2,3,1], u: f32[2,2,1], w: i64[2]";
  EXPECT_THAT(numbers(run_op(inputs, "y = TensorScatter(p, u, w)", {past, update, longs({2}, {1, 0})})),
              ElementsAre(1, 10, 20, 30, 40, 6));
  EXPECT_THAT(numbers(run_op(inputs, "y = TensorScatter(p, u, w) {mode=\"circular\"}",
                             {past, update, longs({2}, {2, 4})})),
              ElementsAre(20, 2, 10, 4, 30, 40));
  EXPECT_ERROR(run_op(inputs, "y = TensorScatter(p, u, w)", {past, update, longs({2}, {1, 2})}),
               ErrorCode::kMalformed, "index 2 for 2 slices of 3");
}

// --- classical models

std::string tree(const std::string& more) {
  return "y = ai.onnx.ml::TreeEnsemble(x) {nodes_splits=tensor(f32[2], [1, 2]), nodes_modes=tensor(u8[2], "
         "[0, 1]), "
         "nodes_featureids=[0,1], nodes_truenodeids=[0,1], nodes_trueleafs=[1,1], nodes_falsenodeids=[1,2], "
         "nodes_falseleafs=[0,1], leaf_targetids=[0,1,0], leaf_weights=tensor(f32[3], [5, 6, 7]), "
         "n_targets=2, "
         "tree_roots=[0,1]" +
         more + "}";
}

TEST(TreeEnsemble, SumsExtremesAndMissingValues) {
  // Tree 0: x0 <= 1 ? leaf 0 : node 1. Tree 1 (root 1): x1 < 2 ? leaf 1 : leaf 2.
  const Tensor x = floats({3, 2}, {0, 5, 3, 1, NAN, 2});
  const auto scores = [&](const std::string& more) {
    return numbers(run_op("x: f32[3,2]", tree(more), {x}));
  };
  EXPECT_THAT(scores(""), ElementsAre(12, 0, 0, 12, 14, 0));
  EXPECT_THAT(scores(", aggregate_function=0"), ElementsAre(6, 0, 0, 6, 7, 0));
  EXPECT_THAT(scores(", aggregate_function=2"), ElementsAre(5, 0, 0, 6, 7, 0));
  EXPECT_THAT(scores(", aggregate_function=3"), ElementsAre(7, 0, 0, 6, 7, 0));
  EXPECT_THAT(scores(", nodes_missing_value_tracks_true=[1,0]"), ElementsAre(12, 0, 0, 12, 12, 0));
  EXPECT_NEAR(scores(", post_transform=2")[1], 0.5, 1e-7);
}

TEST(ClassicalModels, FeaturesAndThresholds) {
  EXPECT_THAT(numbers(run_op("x: f32[2,3]", "i: i64[2] = [2, 0] y = ai.onnx.ml::ArrayFeatureExtractor(x, i)",
                             {floats({2, 3}, {1, 2, 3, 4, 5, 6})})),
              ElementsAre(3, 1, 6, 4));
  EXPECT_THAT(numbers(run_op("x: f32[3]", "y = ai.onnx.ml::Binarizer(x) {threshold=1.0}",
                             {floats({3}, {1, 1.5f, -2})})),
              ElementsAre(0, 1, 0));
}

// --- narrow types

TEST(NarrowTypes, QuantizeAndDequantize) {
  // 1000 saturates at 448, or is NaN.
  const Tensor x = floats({2, 2}, {1, -3, 1000, 0.3f});
  expect_near(run_op("x: f32[2,2]", "s: f32[] = 1 y = QuantizeLinear(x, s) {output_dtype=f8e4m3fn}", {x}),
              {1, -3, 448, 0.3125});
  EXPECT_TRUE(std::isnan(
      run_op("x: f32[2,2]", "s: f32[] = 1 y = QuantizeLinear(x, s) {output_dtype=f8e4m3fn, saturate=0}", {x})
          .at_double(2)));
  expect_near(
      run_op("x: f32[2,2]",
             "s: f32[2,1] = [0.5, 100] y = QuantizeLinear(x, s) {axis=1, block_size=2, output_dtype=f4e2m1}",
             {x}),
      {2, -6, 6, 0});
  expect_near(run_op("x: f32[2,2]", "s: f32[] = 0.5 z: i2[] = 1 y = QuantizeLinear(x, s, z)",
                     {floats({2, 2}, {0, -0.5f, -9, 9})}),
              {1, 0, -2, 1});
  expect_near(run_op("x: f32[2,2]", "s: f32[2] = [1, 2] z: u2[2] = [0, 1] y = QuantizeLinear(x, s, z)",
                     {floats({2, 2}, {1, 2, 9, -9})}),
              {1, 2, 3, 0});
  const Tensor codes = floats({2, 2}, {1, -3, 448, 0.5f}).cast(DType::kF8E4M3FN);
  expect_near(run_op("x: f8e4m3fn[2,2]", "s: f32[2] = [2, 10] y = DequantizeLinear(x, s)", {codes}),
              {2, -30, 896, 5});
  const Tensor scales =
      run_op("x: f4e2m1[1,4]",
             "s: f8e8m0[1,2] = [2, 0.5] y = DequantizeLinear(x, s) {axis=1, block_size=2, output_dtype=f32}",
             {floats({1, 4}, {1, -6, 1, 0.5f}).cast(DType::kF4E2M1)});
  expect_near(scales, {2, -12, 0.5, 0.25});
}

TEST(NarrowTypes, PrecisionOfTheDivision) {
  // 5.0001 / 2 is 2.5 in f16, and 2.5 goes to 2; in f32 it is just above and goes to 3.
  const Tensor x = floats({1}, {5.0001f});
  expect_near(run_op("x: f32[1]", "s: f32[] = 2 y = QuantizeLinear(x, s) {output_dtype=i8}", {x}), {3});
  expect_near(
      run_op("x: f32[1]", "s: f32[] = 2 y = QuantizeLinear(x, s) {output_dtype=i8, precision=f16}", {x}),
      {2});
}

TEST(NarrowTypes, MoveWithoutChange) {
  const Tensor x = floats({2, 3}, {0.5f, -6, 1, -0.0f, 2, 3}).cast(DType::kF4E2M1);
  const Tensor y = run_op("x: f4e2m1[2,3]", "y = Transpose(x)", {x});
  EXPECT_EQ(y.dtype(), DType::kF4E2M1);
  EXPECT_THAT(numbers(y), ElementsAre(0.5, 0, -6, 2, 1, 3));
  EXPECT_TRUE(std::signbit(y.at_double(1)));
  const Tensor two = Tensor::from<int8_t>({5}, {-2, -1, 0, 1, -2}).cast(DType::kI2);
  EXPECT_THAT(numbers(run_op("x: i2[5]", "i: i64[2] = [4, 1] y = Gather(x, i)", {two})), ElementsAre(-2, -1));
  EXPECT_THAT(numbers(run_op("x: i2[4]", "s: i64[2] = [2, -1] y = Reshape(x, s)",
                             {Tensor::from<int8_t>({4}, {-2, -1, 0, 1}).cast(DType::kI2)})),
              ElementsAre(-2, -1, 0, 1));
  EXPECT_THAT(numbers(run_op("x: u8[2]", "y = BitCast(x) {to=i8}", {Tensor::from<uint8_t>({2}, {1, 255})})),
              ElementsAre(1, -1));
  EXPECT_ERROR(run_op("x: f8e5m2[1]", "y = Exp(x)", {Tensor(DType::kF8E5M2, {1})}), ErrorCode::kUnsupported,
               "f8e5m2");
}

// Encoded weights of 2 bits: (1 * 0.5 - 2 * 0.5, 1 * -1 + 2 * 0.5).
TEST(NarrowTypes, WeightsOfTwoBits) {
  expect_near(run_op("x: f32[1,2]", "w: f32[2,2] @ i2(scale=0.5) = [1, -2, -1, 1] y = MatMul(x, w)",
                     {floats({1, 2}, {1, 2})}),
              {-0.5, 0});
  const Tensor c = run_op("x: f32[1,2]",
                          "q: f32[1,2] @ u2(scale=0.5, zp=1) = precis::Quantize(x) y = precis::Dequantize(q)",
                          {floats({1, 2}, {0.9f, -3})});
  expect_near(c, {1, -0.5});
}

}  // namespace
}  // namespace precis::runtime
