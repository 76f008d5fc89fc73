// int8 stays int8: in the plan of a model that `precis quantize` has written, no float step and no step of the reference stands
// between the first and the last operator on codes. Real networks are skipped where the shared models and data are missing; the
// nets written out below run everywhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "precis/core/isa.h"
#include "precis/flow/quantize_flow.h"
#include "precis/graph/op.h"
#include "precis/graph/text.h"
#include "precis/onnx/onnx_io.h"
#include "precis/runtime/reference_engine.h"
#include "precis/runtime/session.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tensor_compare.h"

namespace precis::flow {
namespace {

using runtime::PlanInfo;
using runtime::StepInfo;

std::string quantized(const std::string& model, const std::string& data, const std::string& preprocess, const test::TempDir& dir) {
  QuantizeRequest request;
  request.input = model;
  request.output = dir / "int8.onnx";
  request.recipe = parse_recipe("recipe: 1\nstages: [prepare, calibrate, quantize_static, write]\n", "test");
  request.calib = data::parse_data_spec(data);
  request.preprocess = preprocess;
  request.verify = request.measure_speed = false;
  const QuantizeResult result = quantize(request);
  EXPECT_EQ(result.outcome, QuantizeResult::Outcome::kWritten) << result.message;
  return request.output;
}

PlanInfo plan_of(const Graph& graph) { return runtime::Session(runtime::Program::compile(graph), 1).plan_info(); }

bool is_real(const std::string& value) { return value.rfind("f32", 0) == 0; }

std::string text_of(const StepInfo& s) {
  std::string text = s.node + " (" + s.op + ", " + s.kernel + "):";
  for (const std::string& v : s.inputs) text += " " + v;
  text += " ->";
  for (const std::string& v : s.outputs) text += " " + v;
  return text;
}

// The first step may read reals and the last one write them; nothing else.
void expect_all_on_codes(const PlanInfo& plan) {
  const auto on_codes = [](const StepInfo& s) { return s.quantized; };
  const auto first = std::find_if(plan.steps.begin(), plan.steps.end(), on_codes);
  const auto last = std::find_if(plan.steps.rbegin(), plan.steps.rend(), on_codes).base();
  ASSERT_GT(last - first, 2) << "the model is not quantized";
  for (auto s = first; s != last; ++s) {
    EXPECT_TRUE(s->quantized) << text_of(*s);
    EXPECT_FALSE(s->float_fallback) << text_of(*s);
    EXPECT_NE(s->kernel, "reference") << text_of(*s);
    EXPECT_NE(s->op, "Reorder") << text_of(*s);
    const bool reads = std::any_of(s->inputs.begin(), s->inputs.end(), is_real);
    const bool writes = std::any_of(s->outputs.begin(), s->outputs.end(), is_real);
    EXPECT_TRUE(!reads || s == first) << text_of(*s);
    EXPECT_TRUE(!writes || s + 1 == last) << text_of(*s);
  }
}

// Codes are equal, so what is made of the last ones differs by float rounding at most.
void expect_equal_to_reference(const Graph& graph) {
  const Tensor x = test::random_tensor(to_shape(graph.value(graph.inputs()[0]).type.shape), 7, -2, 2);
  const auto wanted = runtime::run_reference(graph, std::span(&x, 1));
  for (int threads : {1, 2}) {
    const auto got = runtime::Session(runtime::Program::compile(graph), threads).run(std::span(&x, 1));
    EXPECT_TRUE(test::tensors_close(got[0], wanted[0], {.absolute = 1e-5, .relative = 1e-5})) << threads << " threads";
  }
}

struct NetCase {
  const char *model, *data, *preprocess;
};

class RealNets : public testing::TestWithParam<NetCase> {};

TEST_P(RealNets, StayOnCodes) {
  const NetCase& c = GetParam();
  const std::string shared = PRECIS_SHARED_DATA, model = shared + "/models/" + c.model;
  if (!std::filesystem::exists(model)) GTEST_SKIP() << "no " << model;
  if (current_isa() == Isa::kScalar) GTEST_SKIP() << "no fast kernels for this instruction set";
  const test::TempDir dir;
  const std::string file = quantized(model, shared + "/" + c.data, c.preprocess, dir);
  expect_all_on_codes(plan_of(onnx_io::read_model(file).model.graph));
}

INSTANTIATE_TEST_SUITE_P(Shared, RealNets,
                         testing::Values(NetCase{"squeezenet1.1.onnx", "imagenet500,rows=0:3", "imagenet-crop"},
                                         NetCase{"mobilenet_v1_0.25_224.onnx", "imagenet500,rows=0:3", "tf-crop"},
                                         NetCase{"resnet20_cifar10jpeg.onnx", "cifar10jpeg/train5000.bin.gz,count=8", "cifar10"}));

class SmallNets : public testing::TestWithParam<const char*> {};

TEST_P(SmallNets, StayOnCodes) {
  if (current_isa() == Isa::kScalar) GTEST_SKIP() << "no fast kernels for this instruction set";
  const test::TempDir dir;
  Model model;
  model.graph = parse_graph(GetParam());
  infer_types(model.graph);
  onnx_io::write_model(model, dir / "float.onnx", {}, Overwrite::kRefuse);
  const Graph graph = onnx_io::read_model(quantized(dir / "float.onnx", "random,count=4", "", dir)).model.graph;
  expect_all_on_codes(plan_of(graph));
  expect_equal_to_reference(graph);
}

// Fire modules, as in SqueezeNet, that end in an average of codes.
constexpr const char* kFire = R"(
graph fire(x: f32[1,3,33,33]) -> (y) {
  w0: f32[16,3,3,3] = constant(normal, seed=1, scale=0.2)
  w1: f32[24,16,1,1] = constant(normal, seed=2, scale=0.2)
  w3: f32[24,16,3,3] = constant(normal, seed=3, scale=0.1)
  w4: f32[40,48,1,1] = constant(normal, seed=4, scale=0.2)
  c0 = Conv(x, w0) {strides=[2,2]}
  r0 = Relu(c0)
  p0 = MaxPool(r0) {kernel_shape=[3,3], strides=[2,2]}
  c1 = Conv(p0, w1)
  r1 = Relu(c1)
  c3 = Conv(p0, w3) {pads=[1,1,1,1]}
  r3 = Relu(c3)
  f = Concat(r1, r3) {axis=1}
  c4 = Conv(f, w4)
  r4 = Relu(c4)
  a = AveragePool(r4) {kernel_shape=[7,7]}
  s: i64[2] = [0,-1]
  y = Reshape(a, s)
})";

// A residual net whose shortcut cuts and pads, and which ends in a matrix product with computed weights.
constexpr const char* kResidual = R"(
graph residual(x: f32[1,3,16,16]) -> (y) {
  w0: f32[8,3,3,3] = constant(normal, seed=1, scale=0.2)
  w1: f32[16,8,3,3] = constant(normal, seed=2, scale=0.1)
  w2: f32[16,16,3,3] = constant(normal, seed=3, scale=0.1)
  wl: f32[160] = constant(normal, seed=4, scale=0.2)
  ws: i64[2] = [10,16]
  wf = Reshape(wl, ws)
  bf: f32[10] = constant(normal, seed=5, scale=0.2)
  c0 = Conv(x, w0) {pads=[1,1,1,1]}
  r0 = Relu(c0)
  c1 = Conv(r0, w1) {pads=[1,1,1,1], strides=[2,2]}
  r1 = Relu(c1)
  c2 = Conv(r1, w2) {pads=[1,1,1,1]}
  from: i64[2] = [0,0]
  to: i64[2] = [100,100]
  axes: i64[2] = [2,3]
  steps: i64[2] = [2,2]
  half = Slice(r0, from, to, axes, steps)
  pads: i64[8] = [0,4,0,0, 0,4,0,0]
  wide = Pad(half, pads)
  s = Add(c2, wide)
  r2 = Relu(s)
  g = GlobalAveragePool(r2)
  flat = Flatten(g)
  y = Gemm(flat, wf, bf) {transB=1}
})";

// Batch norms in front of their convolutions, as in DenseNet: they cannot be folded. A slope for each
// channel.
constexpr const char* kDense = R"(
graph dense(x: f32[1,3,16,16]) -> (y) {
  w0: f32[16,3,3,3] = constant(normal, seed=1, scale=0.2)
  w1: f32[8,16,3,3] = constant(normal, seed=2, scale=0.1)
  w2: f32[12,24,1,1] = constant(normal, seed=3, scale=0.2)
  g: f32[24] = constant(uniform, seed=4, lo=0.5, hi=2)
  b: f32[24] = constant(normal, seed=5, scale=0.3)
  m: f32[24] = constant(normal, seed=6, scale=0.3)
  v: f32[24] = constant(uniform, seed=7, lo=0.5, hi=2)
  slopes: f32[16,1,1] = constant(uniform, seed=9, lo=0, hi=0.5)
  c0 = Conv(x, w0) {pads=[1,1,1,1]}
  r0 = PRelu(c0, slopes)
  c1 = Conv(r0, w1) {pads=[1,1,1,1]}
  d = Concat(r0, c1) {axis=1}
  n = BatchNormalization(d, g, b, m, v)
  r = Relu(n)
  t = Conv(r, w2)
  p = AveragePool(t) {kernel_shape=[2,2], strides=[2,2]}
  w3: f32[4,12,1,1] = constant(normal, seed=8, scale=0.2)
  y = Conv(p, w3)
})";

// Squeeze and excite, composed hard swish, and a merge by resizing.
constexpr const char* kAttention = R"(
graph attention(x: f32[1,3,16,16]) -> (y) {
  w0: f32[16,3,3,3] = constant(normal, seed=1, scale=0.2)
  w1: f32[4,16,1,1] = constant(normal, seed=2, scale=0.2)
  w2: f32[16,4,1,1] = constant(normal, seed=3, scale=0.2)
  w3: f32[16,16,3,3] = constant(normal, seed=4, scale=0.1)
  w4: f32[6,16,1,1] = constant(normal, seed=5, scale=0.2)
  three: f32[] = [3]
  six: f32[] = [6]
  zero: f32[] = [0]
  c0 = Conv(x, w0) {pads=[1,1,1,1]}
  a0 = Add(c0, three)
  l0 = Clip(a0, zero, six)
  m0 = Mul(c0, l0)
  h0 = Div(m0, six)
  g = GlobalAveragePool(h0)
  e1 = Conv(g, w1)
  e1r = Relu(e1)
  e2 = Conv(e1r, w2)
  gate = HardSigmoid(e2)
  k = Mul(h0, gate)
  c3 = Conv(k, w3) {pads=[1,1,1,1], strides=[2,2]}
  sizes: i64[4] = [1,16,16,16]
  up = Resize(c3, _, _, sizes) {mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"}
  sum = Add(k, up)
  y = Conv(sum, w4)
})";

// Channels are dealt out anew between grouped convolutions, as in ShuffleNet.
constexpr const char* kShuffle = R"(
graph shuffle(x: f32[1,3,12,12]) -> (y) {
  w0: f32[24,3,3,3] = constant(normal, seed=1, scale=0.2)
  w1: f32[24,8,1,1] = constant(normal, seed=2, scale=0.2)
  w2: f32[24,1,3,3] = constant(normal, seed=3, scale=0.3)
  w3: f32[24,8,1,1] = constant(normal, seed=4, scale=0.2)
  c0 = Conv(x, w0) {pads=[1,1,1,1]}
  r0 = Relu(c0)
  c1 = Conv(r0, w1) {group=3}
  r1 = Relu(c1)
  s5: i64[5] = [1,3,8,12,12]
  s4: i64[4] = [1,24,12,12]
  a = Reshape(r1, s5)
  t = Transpose(a) {perm=[0,2,1,3,4]}
  b = Reshape(t, s4)
  c2 = Conv(b, w2) {group=24, pads=[1,1,1,1]}
  c3 = Conv(c2, w3) {group=3}
  s = Add(r0, c3)
  r = Relu(s)
  y = GlobalAveragePool(r)
})";

INSTANTIATE_TEST_SUITE_P(Texts, SmallNets, testing::Values(kFire, kResidual, kDense, kAttention, kShuffle),
                         [](const auto& info) {
                           const std::string text = info.param;
                           const size_t from = text.find("graph ") + 6;
                           return text.substr(from, text.find('(') - from);
                         });

}  // namespace
}  // namespace precis::flow
