// Losses, random numbers, signals, contractions, detection, sampling, patches, counting and classical models:
// the shapes that inference gives, and the attributes and inputs that it refuses.
#include <gtest/gtest.h>

#include "tests/graph/infer_support.h"

namespace precis {
namespace {

struct Case {
  const char* inputs;
  const char* statements;
  const char* expected;  // a type, or part of a message
};

class InferFamily : public testing::TestWithParam<Case> {};
TEST_P(InferFamily, GivesTheType) {
  const Case& c = GetParam();
  EXPECT_EQ(inferred_op(c.inputs, c.statements), c.expected) << c.statements;
}

class RefusedFamily : public testing::TestWithParam<Case> {};
TEST_P(RefusedFamily, NamesTheNodeAndTheFault) {
  const Case& c = GetParam();
  const std::string message =
      infer_error("graph g(" + std::string(c.inputs) + ") -> (y) { " + c.statements + " }");
  EXPECT_NE(message.find(c.expected), std::string::npos) << c.statements << " gave: " << message;
  EXPECT_NE(message.find("node 'y'"), std::string::npos) << message;
}

const Case kLosses[] = {
    {"x: f32[N,5,4], t: i64[N,4]", "y = NegativeLogLikelihoodLoss(x, t)", "f32[]"},
    {"x: f32[N,5,4], t: i64[N,4]", "y = NegativeLogLikelihoodLoss(x, t) {reduction=\"none\"}", "f32[N,4]"},
    {"x: f32[3,5], t: i32[3], w: f32[5]", "y = SoftmaxCrossEntropyLoss(x, t, w) {reduction=\"sum\"}",
     "f32[]"},
    {"x: f32[3,5], t: i32[3]", "l, y = SoftmaxCrossEntropyLoss(x, t)", "f32[3,5]"},
};
const Case kRefusedLosses[] = {
    {"x: f32[3,5], t: f32[3]", "y = NegativeLogLikelihoodLoss(x, t)", "input 1 has element type f32"},
    {"x: f32[3,5], t: i64[4]", "y = NegativeLogLikelihoodLoss(x, t)", "is 3 on one side and 4"},
    {"x: f32[3,5], t: i64[3,1]", "y = NegativeLogLikelihoodLoss(x, t)", "have shape [3,1], expected [3]"},
    {"x: f32[3,5], t: i64[3], w: f32[4]", "y = SoftmaxCrossEntropyLoss(x, t, w)",
     "has shape [4], expected [5]"},
    {"x: f32[3], t: i64[3]", "y = SoftmaxCrossEntropyLoss(x, t)", "of rank 1"},
    {"x: f32[3,5], t: i64[3]", "y = SoftmaxCrossEntropyLoss(x, t) {reduction=\"max\"}",
     "attribute 'reduction' is 'max'"},
};

const Case kRandom[] = {
    {"", "y = RandomNormal() {shape=[2,3]}", "f32[2,3]"},
    {"", "y = RandomUniform() {shape=[2], dtype=f64}", "f64[2]"},
    {"x: f16[N,2]", "y = RandomNormalLike(x)", "f16[N,2]"},
    {"x: i32[N,2]", "y = RandomUniformLike(x) {dtype=f32}", "f32[N,2]"},
    {"x: f32[N,2]", "y = Bernoulli(x) {dtype=bool}", "bool[N,2]"},
    {"x: f32[N,9]", "y = Multinomial(x) {sample_size=4}", "i32[N,4]"},
};
const Case kRefusedRandom[] = {
    {"", "y = RandomNormal() {shape=[2,-3]}", "attribute 'shape' holds -3"},
    {"", "y = RandomNormal() {shape=[2], scale=-1.0}", "attribute 'scale' is -1"},
    {"", "y = RandomUniform() {shape=[2], low=2.0, high=1.0}", "attribute 'low' is 2, more than 'high' (1)"},
    {"", "y = RandomUniform() {shape=[2], dtype=i32}", "attribute 'dtype' asks for i32"},
    {"", "y = RandomUniform() {shape=[4294967296,4294967296]}", "more than"},
    {"x: f32[2,9]", "y = Multinomial(x) {sample_size=0}", "attribute 'sample_size' is 0"},
    {"x: f32[2,0]", "y = Multinomial(x)", "no classes"},
};

const Case kSignals[] = {
    {"", "n: i64[] = 8 y = HannWindow(n)", "f32[8]"},
    {"n: i32[]", "y = HammingWindow(n) {output_datatype=f64}", "f64[?]"},
    {"",
     "a: i64[] = 8 b: i64[] = 16 c: i64[] = 8192 d: f32[] = 0 e: f32[] = 4096 y = MelWeightMatrix(a, b, c, "
     "d, e)",
     "f32[9,8]"},
    {"x: f32[N,10,1]", "y = DFT(x)", "f32[N,10,2]"},
    {"x: f32[N,10,1]", "y = DFT(x) {onesided=1}", "f32[N,6,2]"},
    {"x: f32[N,10,4,1]", "a: i64[] = 1 n: i64[] = 16 y = DFT(x, n, a)", "f32[N,16,4,2]"},
    {"x: f32[N,6,2]", "y = DFT(x) {inverse=1, onesided=1}", "f32[N,10,1]"},
    {"x: f32[N,6,2]", "n: i64[] = 11 y = DFT(x, n) {inverse=1, onesided=1}", "f32[N,11,1]"},
    {"x: f32[N,6,2], a: i64[]", "y = DFT(x, _, a)", "f32[?,?,2]"},
    {"x: f32[N,128,1], w: f32[16]", "s: i64[] = 8 y = STFT(x, s, w)", "f32[N,15,9,2]"},
    {"x: f32[N,128,2], w: f32[16]", "s: i64[] = 8 y = STFT(x, s, w) {onesided=0}", "f32[N,15,16,2]"},
};
const Case kRefusedSignals[] = {
    {"", "n: i64[] = -1 y = HannWindow(n)", "size (input 0) is -1"},
    {"", "n: i64[] = 8 y = HannWindow(n) {output_datatype=bool}", "asks for bool"},
    {"x: f32[2,10,3]", "y = DFT(x)", "expected 1 (real) or 2 (complex)"},
    {"x: f32[2,10,2]", "y = DFT(x) {onesided=1}", "for a complex signal"},
    {"x: f32[2,10,2]", "a: i64[] = 2 y = DFT(x, _, a)", "the dimension of real and imaginary parts"},
    {"x: f32[2,10,2]", "a: i64[] = 3 y = DFT(x, _, a)", "axis (input 2) 3 is out of range"},
    {"x: f32[2,10,2]", "n: i64[] = 0 y = DFT(x, n)", "dft_length (input 1) is 0"},
    {"x: f32[2,0,2]", "y = DFT(x)", "with no element along axis 1"},
    {"x: f32[2,1,2]", "y = DFT(x) {inverse=1, onesided=1}", "one-sided spectrum has one element"},
    {"x: f32[2,10,1]", "s: i64[] = 2 y = STFT(x, s)", "neither a window nor a frame_length"},
    {"x: f32[2,10,1], w: f32[11]", "s: i64[] = 2 y = STFT(x, s, w)",
     "frames have 11 elements, the signal 10"},
    {"x: f32[2,10,1], w: f32[4]", "s: i64[] = 0 y = STFT(x, s, w)", "frame_step (input 1) is 0"},
};

const Case kContractions[] = {
    {"x: f32[N,3,3]", "y = Det(x)", "f32[N]"},
    {"a: f32[N,3,4], b: f32[N,4,5]", "y = Einsum(a, b) {equation=\"bij,bjk->bik\"}", "f32[N,3,5]"},
    {"a: f32[3,4]", "y = Einsum(a) {equation=\"ij -> ji\"}", "f32[4,3]"},
    {"a: f32[2,3,3]", "y = Einsum(a) {equation=\"...ii->...i\"}", "f32[2,3]"},
    {"a: f32[3], b: f32[3]", "y = Einsum(a, b) {equation=\"i,i\"}", "f32[]"},
    {"a: f32[7,1,3,4], b: f32[5,4,2]", "y = Einsum(a, b) {equation=\"...ij,...jk\"}", "f32[7,5,3,2]"},
    {"a: f32[2], b: f32[3], c: f32[2,3]", "y = Einsum(a, b, c) {equation=\"i,j,ij->j\"}", "f32[3]"},
};
const Case kRefusedContractions[] = {
    {"x: f32[2,3]", "y = Det(x)", "the side of the matrices is 3 on one side and 2"},
    {"x: f32[3]", "y = Det(x)", "of rank 1"},
    {"a: f32[3,4]", "y = Einsum(a) {equation=\"ij,jk->ik\"}", "it has 2 terms for 1 inputs"},
    {"a: f32[3,4]", "y = Einsum(a) {equation=\"ijk->i\"}", "names 3 dimensions, input 0 has rank 2"},
    {"a: f32[3,4]", "y = Einsum(a) {equation=\"i1->i\"}", "unexpected '1'"},
    {"a: f32[3,4]", "y = Einsum(a) {equation=\"ij->k\"}", "names a dimension that no input has"},
    {"a: f32[3,4]", "y = Einsum(a) {equation=\"ij->ii\"}", "names a dimension twice"},
    {"a: f32[3,4]", "y = Einsum(a) {equation=\"...j->j\"}", "its output has no ellipsis"},
    {"a: f32[3,4]", "y = Einsum(a) {equation=\"ii->i\"}", "is 3 on one side and 4"},
    {"a: f32[3], b: f32[4]", "y = Einsum(a, b) {equation=\"i,i->i\"}", "is 3 on one side and 4"},
    {"a: f32[3], b: f64[3]", "y = Einsum(a, b) {equation=\"i,i->i\"}", "expected the same"},
};

const Case kDetection[] = {
    {"b: f32[1,N,4], s: f32[1,2,N]", "y = NonMaxSuppression(b, s)", "i64[?,3]"},
    {"x: f32[2,8,10,10], r: f32[R,4], b: i64[R]",
     "y = RoiAlign(x, r, b) {output_height=5, output_width=7, sampling_ratio=2}", "f32[R,8,5,7]"},
    {"x: f32[2,8,10,10], r: f32[R,5]", "y = MaxRoiPool(x, r) {pooled_shape=[2,3]}", "f32[R,8,2,3]"},
};
const Case kRefusedDetection[] = {
    {"b: f32[1,6,5], s: f32[1,2,6]", "y = NonMaxSuppression(b, s)", "expected 4 at the end"},
    {"b: f32[1,6,4], s: f32[1,2,7]", "y = NonMaxSuppression(b, s)", "number of boxes and scores is 6"},
    {"b: f32[1,6,4], s: f32[1,2,6]", "m: i64[] = 3 i: f32[] = 1.5 y = NonMaxSuppression(b, s, m, i)",
     "iou_threshold (input 3) is 1.5"},
    {"x: f32[2,8,10,10], r: f32[3,5], b: i64[3]", "y = RoiAlign(x, r, b)",
     "have shape [3,5], expected [n,4]"},
    {"x: f32[2,8,10,10], r: f32[3,4], b: i64[2]", "y = RoiAlign(x, r, b)", "has shape [2], expected [3]"},
    {"x: f32[2,8,10,10], r: f32[3,4], b: i64[3]", "y = RoiAlign(x, r, b) {output_height=0}",
     "attribute 'output_height' is 0"},
    {"x: f32[2,8,10,10], r: f32[3,4], b: i64[3]", "y = RoiAlign(x, r, b) {mode=\"sum\"}",
     "attribute 'mode' is 'sum'"},
    {"x: f32[2,8,10,10], r: f32[3,4], b: i64[3]", "y = RoiAlign(x, r, b) {spatial_scale=0.0}",
     "attribute 'spatial_scale' is 0"},
    {"x: f32[2,8,10,10], r: f32[3,5]", "y = MaxRoiPool(x, r) {pooled_shape=[2]}",
     "'pooled_shape' has 1 values"},
};

const Case kSampling[] = {
    {"x: f32[N,3,8,8], g: f32[N,5,6,2]", "y = GridSample(x, g)", "f32[N,3,5,6]"},
    {"x: f32[N,3,4,8,8], g: f32[N,2,5,6,3]", "y = GridSample(x, g) {mode=\"nearest\"}", "f32[N,3,2,5,6]"},
    {"t: f32[2,2,3]", "s: i64[4] = [2, 3, 5, 6] y = AffineGrid(t, s)", "f32[2,5,6,2]"},
    {"t: f32[2,3,4]", "s: i64[5] = [2, 3, 4, 5, 6] y = AffineGrid(t, s)", "f32[2,4,5,6,3]"},
    {"t: f32[2,3,4], s: i64[5]", "y = AffineGrid(t, s)", "f32[...]"},
};
const Case kRefusedSampling[] = {
    {"x: f32[1,3,8,8], g: f32[1,5,6,3]", "y = GridSample(x, g)", "expected 2 coordinates"},
    {"x: f32[1,3,8,8], g: f32[2,5,6,2]", "y = GridSample(x, g)", "batch of images and grids"},
    {"x: f32[1,3,0,8], g: f32[1,5,6,2]", "y = GridSample(x, g)", "no element along dimension 2"},
    {"x: f32[1,3,8,8], g: f32[1,5,6,2]", "y = GridSample(x, g) {padding_mode=\"wrap\"}",
     "attribute 'padding_mode' is 'wrap'"},
    {"t: f32[2,2,2]", "s: i64[4] = [2, 3, 5, 6] y = AffineGrid(t, s)", "theta (input 0) has shape [2,2,2]"},
    {"t: f32[2,2,3]", "s: i64[5] = [2, 3, 4, 5, 6] y = AffineGrid(t, s)", "the number of coordinates"},
    {"t: f32[2,2,3]", "s: i64[4] = [2, 3, 0, 6] y = AffineGrid(t, s)", "size (input 1) holds 0"},
};

const Case kPatches[] = {
    {"x: f32[N,5,5]", "i: i64[2] = [5, 5] b: i64[2] = [1, 5] y = Col2Im(x, i, b)", "f32[N,1,5,5]"},
    {"x: f32[2,18,9]", "i: i64[2] = [5, 5] b: i64[2] = [3, 3] y = Col2Im(x, i, b)", "f32[2,2,5,5]"},
    {"x: f32[20,10,N]", "s: i64[3] = [10, 7, 9] y = CenterCropPad(x, s)", "f32[10,7,9]"},
    {"x: f32[20,10,N]", "s: i64[1] = [4] y = CenterCropPad(x, s) {axes=[1]}", "f32[20,4,N]"},
    {"x: u2[9]", "s: i64[1] = [4] y = CenterCropPad(x, s)", "u2[4]"},
    {"x: f32[1,1,3,3], w: f32[1,1,2,2], o: f32[1,8,4,4]",
     "y = DeformConv(x, w, o) {kernel_shape=[2,2], pads=[1,1,1,1]}", "f32[1,1,4,4]"},
};
const Case kRefusedPatches[] = {
    {"x: f32[2,18,8]", "i: i64[2] = [5, 5] b: i64[2] = [3, 3] y = Col2Im(x, i, b)", "number of blocks"},
    {"x: f32[2,17,9]", "i: i64[2] = [5, 5] b: i64[2] = [3, 3] y = Col2Im(x, i, b)",
     "blocks of 9 do not divide"},
    {"x: f32[2,18,9]", "i: i64[2] = [5, 5] b: i64[2] = [3, 0] y = Col2Im(x, i, b)",
     "block_shape (input 2) holds 0"},
    {"x: f32[2,18,9]", "i: i64[3] = [5, 5, 5] b: i64[2] = [3, 3] y = Col2Im(x, i, b)", "expected as many"},
    {"x: f32[20,10]", "s: i64[2] = [4, -1] y = CenterCropPad(x, s)", "shape (input 1) holds -1"},
    {"x: f32[20,10]", "s: i64[1] = [4] y = CenterCropPad(x, s)", "has 1 values for 2 axes"},
    {"x: f32[20,10]", "s: i64[2] = [4, 4] y = CenterCropPad(x, s) {axes=[0,-2]}", "is given twice"},
    {"x: f32[1,1,3,3], w: f32[1,1,2,2], o: f32[1,7,2,2]", "y = DeformConv(x, w, o)",
     "the offset (input 2) has shape [1,7,2,2], expected [1,8,2,2]"},
    {"x: f32[1,2,3,3], w: f32[1,2,2,2], o: f32[1,8,2,2]", "y = DeformConv(x, w, o) {offset_group=3}",
     "does not divide 2 channels"},
    {"x: f32[1,1,3,3], w: f32[1,1,4,4], o: f32[1,32,1,1]", "y = DeformConv(x, w, o)",
     "more than the padded input"},
};

const Case kCounting[] = {
    {"x: f32[N,3]", "y = Unique(x)", "f32[?]"},
    {"x: f32[N,3]", "y = Unique(x) {axis=0}", "f32[?,3]"},
    {"x: f32[N,3]", "a, y, c, d = Unique(x)", "i64[?]"},
    {"x: i64[N,6]",
     "y = TfIdfVectorizer(x) {max_gram_length=2, min_gram_length=1, max_skip_count=0, mode=\"TF\", "
     "ngram_counts=[0,1], pool_int64s=[2,3,4], ngram_indexes=[0,4]}",
     "f32[N,5]"},
    {"p: f32[2,3,8,4], u: f32[2,3,2,4], w: i64[2]", "y = TensorScatter(p, u, w)", "f32[2,3,8,4]"},
    {"x: f32[N,7], i: i64[3]", "y = ai.onnx.ml::ArrayFeatureExtractor(x, i)", "f32[N,3]"},
    {"x: f32[7], i: i64[1,3]", "y = ai.onnx.ml::ArrayFeatureExtractor(x, i)", "f32[1,3]"},
    {"x: f32[N,7]", "y = ai.onnx.ml::Binarizer(x) {threshold=0.5}", "f32[N,7]"},
    {"x: f32[1,4,2,2]", "y = MeanVarianceNormalization(x)", "f32[1,4,2,2]"},
    {"x: i32[2,3]", "y = BitCast(x) {to=f32}", "f32[2,3]"},
    {"x: u2[2,3]", "y = Identity(x)", "u2[2,3]"},
    {"x: f8e5m2[2,3]", "y = Transpose(x)", "f8e5m2[3,2]"},
    {"x: f32[2,3]", "y = Cast(x) {to=f8e4m3fn, saturate=0}", "f8e4m3fn[2,3]"},
    {"x: f32[2,6]",
     "s: f8e8m0[2,2] = [1, 2, 4, 8] y = QuantizeLinear(x, s) {axis=1, block_size=3, output_dtype=f4e2m1}",
     "f4e2m1[2,6]"},
    {"x: f8e4m3fn[2]", "s: f32[] = 2 y = DequantizeLinear(x, s)", "f32[2]"},
};
const Case kRefusedCounting[] = {
    {"x: f32[2,3]", "y = Unique(x) {axis=2}", "attribute 'axis' 2 is out of range"},
    {"x: i64[6]",
     "y = TfIdfVectorizer(x) {max_gram_length=1, min_gram_length=2, max_skip_count=0, mode=\"TF\", "
     "ngram_counts=[0], pool_int64s=[2], ngram_indexes=[0]}",
     "attribute 'max_gram_length' is 1"},
    {"x: i64[6]",
     "y = TfIdfVectorizer(x) {max_gram_length=1, min_gram_length=1, max_skip_count=0, mode=\"TF\", "
     "ngram_counts=[0], pool_int64s=[2], ngram_indexes=[-1]}",
     "attribute 'ngram_indexes' holds -1"},
    {"p: f32[2,3,8,4], u: f32[2,3,9,4]", "y = TensorScatter(p, u)", "has length 9, more than the 8"},
    {"p: f32[2,3,8,4], u: f32[2,3,2,5]", "y = TensorScatter(p, u)", "a dimension of past and update is 4"},
    {"p: f32[2,3], u: f32[2,3]", "y = TensorScatter(p, u) {axis=0}", "attribute 'axis' is 0, the batch"},
    {"x: f32[1,4,2,2]", "y = MeanVarianceNormalization(x) {axes=[4]}", "attribute 'axes' 4 is out of range"},
    {"x: i32[2,3]", "y = BitCast(x) {to=f64}", "asks for f64 of 64 bits"},
    {"x: f32[2,3]", "y = Cast(x) {to=f8e8m0, round_mode=\"even\"}", "attribute 'round_mode' is 'even'"},
    {"x: f32[2]", "s: f32[] = 1 y = QuantizeLinear(x, s) {output_dtype=f8e8m0}", "asks for f8e8m0"},
    {"x: f32[2]", "s: f32[] = 1 y = QuantizeLinear(x, s) {precision=i8}", "'precision' asks for i8"},
};

#define PRECIS_FAMILY(name)                                                \
  INSTANTIATE_TEST_SUITE_P(name, InferFamily, testing::ValuesIn(k##name)); \
  INSTANTIATE_TEST_SUITE_P(name, RefusedFamily, testing::ValuesIn(kRefused##name))
PRECIS_FAMILY(Losses);
PRECIS_FAMILY(Random);
PRECIS_FAMILY(Signals);
PRECIS_FAMILY(Contractions);
PRECIS_FAMILY(Detection);
PRECIS_FAMILY(Sampling);
PRECIS_FAMILY(Patches);
PRECIS_FAMILY(Counting);
#undef PRECIS_FAMILY

// --- a tree: node 0 (x0 <= 1) -> leaf 0, else node 1 (x1 < 2) -> leaves 1 and 2

std::string tree(const std::string& changed_from = "", const std::string& changed_to = "") {
  std::string attributes =
      "nodes_splits=tensor(f32[2], [1, 2]), nodes_modes=tensor(u8[2], [0, 1]), nodes_featureids=[0,1], "
      "nodes_truenodeids=[0,1], nodes_trueleafs=[1,1], nodes_falsenodeids=[1,2], nodes_falseleafs=[0,1], "
      "leaf_targetids=[0,1,0], leaf_weights=tensor(f32[3], [5, 6, 7]), n_targets=2, tree_roots=[0]";
  if (!changed_from.empty())
    attributes.replace(attributes.find(changed_from), changed_from.size(), changed_to);
  return "graph g(x: f32[N,2]) -> (y) { y = ai.onnx.ml::TreeEnsemble(x) {" + attributes + "} }";
}

TEST(TreeEnsemble, ShapesAndRefusals) {
  EXPECT_EQ(inferred(tree()), "f32[N,2]");
  const std::pair<const char*, const char*> swaps[] = {
      {"nodes_featureids=[0,1]", "nodes_featureids=[0,2]"},
      {"nodes_truenodeids=[0,1]", "nodes_truenodeids=[0,3]"},
      {"nodes_falsenodeids=[1,2]", "nodes_falsenodeids=[2,2]"},
      {"leaf_targetids=[0,1,0]", "leaf_targetids=[0,2,0]"},
      {"tree_roots=[0]", "tree_roots=[2]"},
      {"[0, 1])", "[0, 7])"},
  };
  for (const auto& [from, to] : swaps)
    EXPECT_NE(infer_error(tree(from, to)).find(", expected 0 to"), std::string::npos) << to;
  EXPECT_NE(
      infer_error(tree("nodes_trueleafs=[1,1]", "nodes_trueleafs=[1]")).find("has 1 values, expected 2"),
      std::string::npos);
}

TEST(RandomOperators, AreKnownAsSuch) {
  const auto draws = [](const std::string& text) {
    const Graph g = parse_graph(text);
    return draws_random_numbers(g, g.node(g.order()[0]));
  };
  EXPECT_TRUE(draws("graph g() -> (y) { y = RandomUniform() {shape=[1]} }"));
  EXPECT_TRUE(draws("graph g(x: f32[1]) -> (y) { y = Bernoulli(x) }"));
  EXPECT_FALSE(draws("graph g(x: f32[1]) -> (y) { y = Dropout(x) }"));
  EXPECT_FALSE(draws("graph g(x: f32[1]) -> (y) { t: bool[] = 0 y = Dropout(x, _, t) }"));
  EXPECT_TRUE(draws("graph g(x: f32[1]) -> (y) { t: bool[] = 1 y = Dropout(x, _, t) }"));
  EXPECT_TRUE(draws("graph g(x: f32[1], t: bool[]) -> (y) { y = Dropout(x, _, t) }"));
}

}  // namespace
}  // namespace precis
