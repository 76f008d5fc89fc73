// Static quantization on text graphs: placement, sharing, borders, rules, biases, proofs.
#include "precis/passes/quantize_static.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "pass_harness.h"
#include "precis/core/check.h"
#include "precis/graph/text.h"
#include "precis/passes/quantize_weights.h"
#include "precis/runtime/reference_engine.h"
#include "tests/support/expect_error.h"
#include "tests/support/tensor_compare.h"

namespace precis::test {
namespace {

using passes::QuantizeOptions;
using testing::ElementsAre;
using testing::HasSubstr;

// Ranges [-4, 4] for every float value: placement does not depend on them.
quant::RangeTable wide_ranges(const Graph& g) {
  quant::RangeTable t;
  for (size_t i = 0; i < g.num_values(); ++i) {
    const Value& v = g.value(ValueId{static_cast<int32_t>(i)});
    if (v.alive && !v.is_constant()) t.entries[v.name].add_sample(std::vector<float>{-4, 0, 4});
  }
  return t;
}

QuantizeOptions minmax() {
  QuantizeOptions o;
  o.observer.kind = quant::ObserverKind::kMinMax;
  return o;
}

const Value& value(const Model& m, const char* name) { return m.graph.value(m.graph.find_value(name)); }
bool encoded(const Model& m, const char* name) { return m.graph.find_value(name) && value(m, name).type.encoded(); }

passes::QuantizeReport quantize(Model& m, const QuantizeOptions& o = minmax()) {
  auto r = passes::quantize_static(m, wide_ranges(m.graph), o);
  return r;
}

std::vector<std::string> ops(const Model& m) {
  std::vector<std::string> names;
  for (NodeId id : m.graph.order()) names.push_back(m.graph.node(id).op);
  return names;
}

constexpr const char* kTwoConvs = R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    w: f32[2,2,1,1] = [1, -2, 3, 4]
    b: f32[2] = [0.5, -1]
    c = Conv(x, w, b)
    r = Relu(c)
    d = Conv(r, w)
    y = GlobalAveragePool(d)
  })";

TEST(QuantizeStatic, ReluFoldsAndThePoolEndsInFloat) {
  Model m = model_of(kTwoConvs);
  quantize(m);
  EXPECT_THAT(ops(m), ElementsAre("Quantize", "Conv", "Relu", "Conv", "GlobalAveragePool"));
  EXPECT_FALSE(encoded(m, "c"));  // folded: its Relu writes the codes
  EXPECT_TRUE(encoded(m, "r"));
  EXPECT_TRUE(encoded(m, "d"));
  EXPECT_FALSE(encoded(m, "y"));  // the graph's output keeps its type
  EXPECT_TRUE(encoded(m, "w"));
  EXPECT_EQ(value(m, "b").type.encoding.code, DType::kI32);
  EXPECT_TRUE(passes::is_quantized(m.graph));
}

TEST(QuantizeStatic, OutputsStayNearTheFloatModel) {
  Model m = model_of(kTwoConvs);
  const Tensor x = random_tensor({1, 2, 4, 4}, 3);
  const auto wanted = runtime::run_reference(m.graph, std::span(&x, 1));
  quant::RangeTable ranges;
  runtime::run_reference(m.graph, std::span(&x, 1), [&](const std::string& name, const Tensor& t) {
    if (t.dtype() == DType::kF32) ranges.entries[name].add_sample(t.data<float>());
  });
  ranges.entries["x"].add_sample(x.data<float>());
  passes::quantize_static(m, ranges, minmax());
  const auto got = runtime::run_reference(m.graph, std::span(&x, 1));
  EXPECT_TRUE(tensors_close(got[0], wanted[0], {.absolute = 0.1, .relative = 0}));
}

TEST(QuantizeStatic, BiasScaleIsTheProductOfInputAndWeightScale) {
  Model m = model_of(kTwoConvs);
  quantize(m);
  const float sx = value(m, "x/codes").type.encoding.scale();
  const auto& sw = value(m, "w").type.encoding.scales;
  const auto& sb = value(m, "b").type.encoding.scales;
  ASSERT_EQ(sb.size(), 2u);
  for (size_t c = 0; c < 2; ++c) EXPECT_EQ(sb[c], static_cast<float>(static_cast<double>(sx) * sw[c]));
}

constexpr const char* kResidual = R"(
  graph g(x: f32[1,2,4,4]) -> (z) {
    w: f32[2,2,1,1] = [1, -2, 3, 4]
    a = Conv(x, w)
    b = Conv(a, w)
    s = Add(b, a)
    r = Relu(s)
    z = Conv(r, w)
  })";

TEST(QuantizeStatic, ResidualSums) {
  Model everywhere = model_of(kResidual);
  quantize(everywhere);
  EXPECT_TRUE(encoded(everywhere, "b"));
  EXPECT_FALSE(encoded(everywhere, "s"));  // Relu folds into the sum
  EXPECT_TRUE(encoded(everywhere, "r"));
  // The rounding in front of the sum is written twice: some runtime leaves the first out.
  EXPECT_THAT(ops(everywhere), ElementsAre("Quantize", "Conv", "Conv", "Requantize", "Add", "Relu", "Conv"));
  EXPECT_EQ(value(everywhere, "b").type.encoding, value(everywhere, "b/again").type.encoding);
  for (const passes::Target target : {passes::Target::kPrecis, passes::Target::kOpenVino}) {
    Model fused = model_of(kResidual);
    QuantizeOptions o = minmax();
    o.target = target;
    quantize(fused, o);
    EXPECT_FALSE(encoded(fused, "b"));  // the convolution before the sum keeps its result unrounded
    EXPECT_TRUE(encoded(fused, "a"));
    EXPECT_EQ(fused.graph.order().size(), everywhere.graph.order().size() - 1);
  }
}

TEST(QuantizeStatic, ConcatInputsTakeItsGridAndMoversShare) {
  Model m = model_of(R"(
  graph g(x: f32[1,2,4,4]) -> (z) {
    w: f32[2,2,1,1] = [1, -2, 3, 4]
    v: f32[1,4,1,1] = [1, 2, 3, 4]
    a = Conv(x, w)
    b = Conv(x, w)
    p = MaxPool(a) {kernel_shape=[1,1]}
    c = Concat(p, b) {axis=1}
    z = Conv(c, v)
  })");
  auto ranges = wide_ranges(m.graph);
  ranges.entries["b"].add_sample(std::vector<float>{-40, 40});
  ranges.entries["c"].add_sample(std::vector<float>{-9, 9});
  passes::quantize_static(m, ranges, minmax());
  EXPECT_EQ(value(m, "b").type.encoding, value(m, "c").type.encoding);
  EXPECT_EQ(value(m, "p").type.encoding, value(m, "a").type.encoding);
}

// A batch norm that no convolution can take is computed on codes, and the activation behind it is part of it.
TEST(QuantizeStatic, BatchNormalizationBetweenConvolutions) {
  Model m = model_of(R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    w: f32[2,2,1,1] = [1, -2, 3, 4]
    v: f32[4,4,1,1] = constant(normal, seed=1)
    p: f32[4] = [1, 2, 3, 4]
    c = Conv(x, w)
    d = Concat(c, c) {axis=1}
    n = BatchNormalization(d, p, p, p, p)
    r = Relu(n)
    y = Conv(r, v)
  })");
  Model other = m;
  const auto report = quantize(m);
  EXPECT_TRUE(encoded(m, "d"));
  EXPECT_FALSE(encoded(m, "n"));
  EXPECT_TRUE(encoded(m, "r"));
  EXPECT_TRUE(report.skipped.empty());

  passes::QuantizeOptions openvino = minmax();
  openvino.target = passes::Target::kOpenVino;
  const auto left = quantize(other, openvino).skipped;
  EXPECT_TRUE(std::any_of(left.begin(), left.end(), [](const auto& s) {
    return s.op == "BatchNormalization" && s.reason == "the target cannot take it between codes";
  }));
}

TEST(QuantizeStatic, OpenVinoTakesBatchNormalizationsOfCodesThatOthersReadToo) {
  Model m = model_of(R"(
  graph g(x: f32[1,2,4,4]) -> (y, z) {
    w: f32[2,2,1,1] = [1, -2, 3, 4]
    v: f32[4,4,1,1] = constant(normal, seed=1)
    p: f32[4] = [1, 2, 3, 4]
    c = Conv(x, w)
    d = Concat(c, c) {axis=1}
    n = BatchNormalization(d, p, p, p, p)
    y = Conv(n, v)
    z = Conv(d, v)
  })");
  passes::QuantizeOptions openvino = minmax();
  openvino.target = passes::Target::kOpenVino;
  EXPECT_TRUE(quantize(m, openvino).skipped.empty());
  EXPECT_TRUE(encoded(m, "n"));
}

TEST(QuantizeStatic, ActivationsFoldIntoSumsProductsAndDifferences) {
  for (const char* op : {"Add", "Sub", "Mul"}) {
    SCOPED_TRACE(op);
    Model m = model_of(std::string(R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    w: f32[2,2,1,1] = [1, -2, 3, 4]
    c = Conv(x, w)
    t = Sigmoid(c)
    s = )") + op + R"((c, t)
    r = Relu(s)
    y = Conv(r, w)
  })");
    EXPECT_TRUE(quantize(m).skipped.empty());
    EXPECT_FALSE(encoded(m, "s"));
    EXPECT_TRUE(encoded(m, "r"));
  }
}

TEST(QuantizeStatic, EveryFloatOperatorHasItsReason) {
  Model m = model_of(R"(
  graph g(x: f32[1,2,4,4]) -> (y) {
    w: f32[2,2,1,1] = [1, -2, 3, 4]
    c = Conv(x, w)
    l = LRN(c) {size=3}
    d = Conv(l, w)
    y = Softmax(d)
  })");
  const auto report = quantize(m);
  ASSERT_EQ(report.skipped.size(), 2u);
  EXPECT_THAT(report.skipped[0].reason, HasSubstr("sum of squares"));
  EXPECT_THAT(report.skipped[1].reason, HasSubstr("more than 8 bits"));
}

TEST(QuantizeStatic, WeightsInBodiesAreNamed) {
  Model m = model_of(R"(
  graph g(x: f32[1,2]) -> (y) {
    n: i64[] = 3
    v: f32[2,2] = [1, -2, 3, 4]
    w: f32[2,2] = [1, -2, 3, 4]
    h = MatMul(x, v)
    l = Loop(n, _, h) {body=graph b(i: i64[], go: bool[], s: f32[1,2]) -> (go, t) {
      u: f32[2,2] = [1, 2, 3, 4]
      p = MatMul(s, w)
      q = MatMul(p, u)
      t = Tanh(q)
    }}
    y = MatMul(l, v)
  })");
  const auto report = quantize(m);
  EXPECT_EQ(report.quantized_nodes, 2);
  ASSERT_EQ(report.skipped.size(), 3u);
  EXPECT_EQ(report.skipped[0].op, "Loop");
  EXPECT_EQ(report.skipped[1].node, "p");
  EXPECT_EQ(report.skipped[1].reason, "in the body of Loop 'l', which stays float");
  EXPECT_NEAR(report.skipped[1].byte_share, 16.0 / (3 * 16 + 8), 1e-12);
  EXPECT_EQ(report.skipped[2].node, "q");
  EXPECT_NEAR(report.skipped[2].byte_share, 16.0 / (3 * 16 + 8), 1e-12);
}

TEST(QuantizeStatic, UnnamedNodesInBodiesGoByTheirFirstResult) {
  Model m = model_of(R"(
  graph g(x: f32[1,1,2]) -> (y) {
    n: i64[] = 3
    w: f32[1,8,2] = constant(normal, seed=1, scale=0.2)
    y = Loop(n, _, x) {body=graph b(i: i64[], go: bool[], s: f32[1,1,2]) -> (go, t) {
      _, t = LSTM(s, w, w) {hidden_size=2}
    }}
  })");
  Node& loop = m.graph.node(m.graph.order()[0]);
  Graph& body = *std::get<SubgraphPtr>(loop.attributes.at("body"));
  body.node(body.order()[0]).name.clear();
  const auto skipped = quantize(m).skipped;
  ASSERT_EQ(skipped.size(), 2u);
  EXPECT_EQ(skipped[1].op, "LSTM");
  EXPECT_EQ(skipped[1].node, "t");
}

TEST(QuantizeStatic, RulesLeaveNodesInFloatWithTheirReason) {
  Model m = model_of(kTwoConvs);
  QuantizeOptions o = minmax();
  passes::OverrideRule last;
  last.match = "last";
  last.quantize = false;
  o.rules = {last};
  const auto report = quantize(m, o);
  EXPECT_FALSE(encoded(m, "d"));
  const auto d = std::find_if(report.skipped.begin(), report.skipped.end(), [](const auto& s) { return s.node == "d"; });
  ASSERT_NE(d, report.skipped.end());
  EXPECT_EQ(d->reason, "left in float by a rule");
  EXPECT_GT(d->mac_share, 0.3);
}

TEST(QuantizeStatic, ARuleThatMatchesNothingIsAnError) {
  Model m = model_of(kTwoConvs);
  QuantizeOptions o = minmax();
  passes::OverrideRule r;
  r.match = "conv_17";
  o.rules = {r};
  EXPECT_ERROR(quantize(m, o), ErrorCode::kUsage, "'conv_17' matches no node");
}

TEST(QuantizeStatic, MissingRangesAreNamed) {
  Model m = model_of(kTwoConvs);
  EXPECT_ERROR(passes::quantize_static(m, quant::RangeTable{}, minmax()), ErrorCode::kUsage, "no entry for tensor");
}

TEST(QuantizeStatic, ValuesToObserveAreWhatIsNeeded) {
  Model m = model_of(kTwoConvs);
  EXPECT_THAT(passes::values_to_observe(m.graph, minmax()), testing::UnorderedElementsAre("x", "r", "d"));
}

TEST(QuantizeStatic, AFloatReaderAndTheOutputGetADequantize) {
  Model m = model_of(R"(
  graph g(x: f32[1,2,4,4]) -> (a, y) {
    w: f32[2,2,1,1] = [1, -2, 3, 4]
    a = Conv(x, w)
    b = Conv(a, w)
    y = Softmax(a) {axis=1}
    unused = Relu(b)
  })");
  quantize(m);
  EXPECT_FALSE(encoded(m, "a"));
  EXPECT_TRUE(encoded(m, "a/codes"));
  EXPECT_THAT(ops(m), testing::Contains("Dequantize"));
}

TEST(QuantizeStatic, TensorRtIsSymmetricWithFloatBias) {
  Model m = model_of(kTwoConvs);
  QuantizeOptions o = minmax();
  o.target = passes::Target::kTensorRt;
  passes::apply_target(o);
  quantize(m, o);
  EXPECT_EQ(value(m, "r").type.encoding.code, DType::kI8);
  EXPECT_EQ(value(m, "r").type.encoding.zero_point(), 0);
  EXPECT_FALSE(value(m, "b").type.encoded());
}

// --- weights and proofs ---

passes::WeightRequest request(const Tensor& w, const Tensor* bias, float input_scale) {
  passes::WeightRequest r;
  r.weights = &w;
  r.axis = 0;
  r.channels = w.shape()[0];
  r.bias = bias;
  r.input = Encoding::per_tensor_uniform(DType::kU8, input_scale, 0);
  r.grid = {DType::kI8, 8, quant::GridSpec::Symmetry::kSymmetric, quant::GridSpec::CodeRange::kRestricted};
  return r;
}

TEST(QuantizeWeights, AHugeBiasRaisesTheScale) {
  const Tensor w = Tensor::from<float>({2, 1}, {1e-6f, 1.0f}), b = Tensor::from<float>({2}, {1e9f, 1.0f});
  const auto codes = passes::quantize_weights(request(w, &b, 1e-3f));
  EXPECT_EQ(codes.proof.bias_scale_raised, 1);
  EXPECT_LT(std::abs(codes.bias.at_int(0)), int64_t{1} << 30);
  const double back = static_cast<double>(codes.bias.at_int(0)) * codes.bias_encoding.scales[0];
  EXPECT_NEAR(back, 1e9, 1e3);
}

TEST(QuantizeWeights, AnOverflowingAccumulatorIsShrunkUntilProven) {
  Tensor w(DType::kF32, {1, 70000});
  for (float& x : w.data<float>()) x = 1.0f;
  const auto codes = passes::quantize_weights(request(w, nullptr, 1.0f));
  EXPECT_LT(codes.proof.worst_accumulator, int64_t{1} << 31);
  EXPECT_LT(codes.weights.at_int(0), 127);
}

TEST(QuantizeWeights, IsaSafeReducesOnlySaturatingChannels) {
  const Tensor w = Tensor::from<float>({2, 2}, {1.0f, 1.0f, 1.0f, -0.001f});
  auto r = request(w, nullptr, 1.0f);
  auto plain = passes::quantize_weights(r);
  EXPECT_EQ(plain.proof.pair_saturating, 1);  // channel 0: 127 + 127; channel 1 has one large weight
  r.isa_safe = true;
  const auto safe = passes::quantize_weights(r);
  EXPECT_EQ(safe.proof.pair_saturating, 0);
  EXPECT_EQ(safe.proof.reduced_to_7_bits, 1);
  EXPECT_EQ(safe.weights.at_int(0), 64);
  EXPECT_EQ(safe.weights.at_int(2), 127);
}

TEST(QuantizeWeights, NonFiniteWeightsNameTheNode) {
  Model m = model_of("graph g(x: f32[1,1,2,2]) -> (y) { w: f32[1,1,1,1] = [nan]\n y = Conv(x, w) as first_conv }");
  EXPECT_ERROR(quantize(m), ErrorCode::kMalformed, "node 'first_conv' (Conv): the weight at index 0 is nan");
}

}  // namespace
}  // namespace precis::test
