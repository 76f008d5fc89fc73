// Operators on codes: the fast engine gives the reference's integers, and stays on codes.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "precis/graph/text.h"
#include "precis/runtime/reference_engine.h"
#include "tests/runtime/run_both.h"
#include "tests/support/tensor_compare.h"

namespace precis {
namespace {

using test::expect_engines_agree;
using test::step_names;
using testing::ElementsAre;
using testing::HasSubstr;

// One node between codes: `x` with this shape, the node as text, and the constants it needs.
std::string on_codes(const std::string& shape, const std::string& body,
                     const std::string& x_type = "u8(scale=0.02, zp=121)") {
  return "graph net(x: f32" + shape + " @ " + x_type + ") -> (y) {\n" + body + "\n}";
}

void expect_fast(const std::string& text) {
  expect_engines_agree(text);
  for (const std::string& step : step_names(parse_graph(text)))
    EXPECT_THAT(step, testing::Not(HasSubstr("(reference)")));
}

const char* const kWeights = R"(
  w: f32[24,16,3,3] @ i8(axis=0, scale=[0.01,0.011,0.012,0.013,0.014,0.015,0.016,0.017,0.018,0.019,0.02,0.021,
    0.01,0.011,0.012,0.013,0.014,0.015,0.016,0.017,0.018,0.019,0.02,0.021]) = constant(uniform, seed=1, lo=-127, hi=127)
  b: f32[24] = constant(normal, seed=2, scale=1)
)";

TEST(Codes, ConvolutionOfEveryKindOfCode) {
  for (const char* in :
       {"u8(scale=0.02, zp=121)", "u8(scale=0.02, zp=0)", "u8(scale=0.02, zp=255)", "i8(scale=0.02, zp=-3)"})
    for (const char* out : {"u8(scale=0.1, zp=128)", "i8(scale=0.1, zp=5)"}) {
      SCOPED_TRACE(std::string(in) + " -> " + out);
      expect_fast(on_codes(
          "[2,16,9,7]",
          kWeights + std::string("y: f32[2,24,9,7] @ ") + out + " = Conv(x, w, b) {pads=[1,1,1,1]}", in));
    }
}

TEST(Codes, ConvolutionShapes) {
  const std::string out = " @ u8(scale=0.3, zp=100)";
  for (
      const std::string& body : std::vector<std::string>{
          "w: f32[5,16,1,1] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)\n y: f32[?,?,?,?]" +
              out + " = Conv(x, w)",
          "w: f32[16,16,1,1] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)\n y: "
          "f32[?,?,?,?]" +
              out + " = Conv(x, w) {strides=[2,2]}",
          "w: f32[16,1,3,3] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)\n y: f32[?,?,?,?]" +
              out + " = Conv(x, w) {group=16, pads=[1,1,1,1]}",
          "w: f32[16,1,3,3] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)\n y: f32[?,?,?,?]" +
              out + " = Conv(x, w) {group=16, strides=[2,2]}",
          "w: f32[32,4,3,3] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)\n y: f32[?,?,?,?]" +
              out + " = Conv(x, w) {group=4}",
          "w: f32[7,16,3,3] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)\n y: f32[?,?,?,?]" +
              out + " = Conv(x, w) {dilations=[2,2], pads=[2,1,2,3]}",
          "w: f32[7,16,3,3] @ u8(scale=0.01, zp=131) = constant(uniform, seed=1, lo=0, hi=255)\n y: "
          "f32[?,?,?,?]" +
              out + " = Conv(x, w) {auto_pad=\"SAME_LOWER\", strides=[2,2]}"}) {
    SCOPED_TRACE(body);
    expect_fast(on_codes("[1,16,11,11]", body));
  }
  expect_fast(on_codes(
      "[1,16,40]",
      "w: f32[8,16,5] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)\n y: f32[?,?,?]" + out +
          " = Conv(x, w) {pads=[2,2]}"));
  expect_fast(on_codes(
      "[1,3,5,6,7]",
      "w: f32[8,3,3,3,3] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)\n y: f32[?,?,?,?,?]" +
          out + " = Conv(x, w) {pads=[1,1,1,1,1,1]}"));
}

TEST(Codes, FusedActivationAndResidual) {
  const std::string conv = std::string(
                               "graph net(x: f32[1,16,9,9] @ u8(scale=0.02, zp=121), r: f32[1,24,9,9] @ "
                               "i8(scale=0.05, zp=7)) -> (y) {\n") +
                           kWeights;
  const std::string relu = conv + R"(
  c = Conv(x, w, b) {pads=[1,1,1,1]}
  s = Add(c, r)
  y: f32[1,24,9,9] @ u8(scale=0.06, zp=0) = Relu(s)
})";
  expect_fast(relu);
  EXPECT_THAT(step_names(parse_graph(relu)), ElementsAre(HasSubstr("Conv+Add+Relu")));
  expect_fast(conv + R"(
  lo: f32[] = [-0.4]
  hi: f32[] = [3]
  c = Conv(x, w, b) {pads=[1,1,1,1]}
  t = Clip(c, lo, hi)
  y: f32[1,24,9,9] @ u8(scale=0.06, zp=30) = precis::Quantize(t)
})");
}

TEST(Codes, ConvolutionToReals) {
  expect_fast(on_codes("[1,16,9,9]", kWeights + std::string("c = Conv(x, w, b)\n y = Relu(c)")));
}

TEST(Codes, UnprovenAccumulatorsDoNotRunOnIntegers) {
  // 70,000 products of 255 * 127 exceed 31 bits: the contract sends them to the float path.
  expect_engines_agree(
      "graph net(x: f32[1,70000] @ u8(scale=0.01, zp=0)) -> (y) {\n"
      " w: f32[70000,2] @ i8(scale=0.01) = constant(fill, value=127)\n"
      " y: f32[1,2] @ u8(scale=100, zp=0) = MatMul(x, w)\n}");
}

TEST(Codes, Products) {
  const std::string out = " @ u8(scale=0.5, zp=100)";
  expect_fast(
      on_codes("[3,50]",
               "w: f32[10,50] @ i8(axis=0, scale=[0.01,0.02,0.03,0.04,0.05,0.01,0.02,0.03,0.04,0.05]) = "
               "constant(uniform, seed=1, lo=-127, hi=127)\n"
               " b: f32[10] = constant(normal, seed=2, scale=1)\n y: f32[3,10]" +
                   out + " = Gemm(x, w, b) {transB=1}"));
  expect_fast(on_codes(
      "[2,3,50]",
      "w: f32[50,10] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)\n y: f32[2,3,10]" + out +
          " = MatMul(x, w)"));
}

TEST(Codes, SumsAndPools) {
  expect_fast(
      "graph net(a: f32[1,9,7,5] @ u8(scale=0.02, zp=121), b: f32[1,9,7,5] @ i8(scale=0.03, zp=7)) -> (y, z) "
      "{\n"
      " s = Add(a, b)\n y: f32[1,9,7,5] @ u8(scale=0.04, zp=3) = Relu(s)\n"
      " z: f32[1,9,7,5] @ i8(scale=0.04, zp=3) = Sub(a, b)\n}");
  expect_fast(on_codes("[2,20,9,9]",
                       "y: f32[?,?,?,?] @ u8(scale=0.02, zp=121) = MaxPool(x) {kernel_shape=[3,3], "
                       "strides=[2,2], pads=[1,1,1,1], ceil_mode=1}"));
  expect_fast(on_codes("[2,20,9,9]",
                       "y: f32[?,?,?,?] @ u8(scale=0.015, zp=100) = AveragePool(x) {kernel_shape=[3,3], "
                       "strides=[2,2], pads=[1,1,1,1]}"));
  expect_fast(on_codes("[2,20,9,9]",
                       "y: f32[?,?,?,?] @ i8(scale=0.015, zp=-10) = AveragePool(x) {kernel_shape=[3,3], "
                       "strides=[2,2], pads=[1,1,1,1], count_include_pad=1, ceil_mode=1}"));
  expect_fast(on_codes("[2,20,9,9]", "y: f32[?,?,?,?] @ u8(scale=0.005, zp=100) = GlobalAveragePool(x)"));
  expect_fast(on_codes(
      "[2,20,9,9]",
      "axes: i64[2] = [2,3]\n y: f32[?,?] @ u8(scale=0.005, zp=100) = ReduceMean(x, axes) {keepdims=0}"));
}

TEST(Codes, AveragesToReals) {
  for (const char* mean :
       {"GlobalAveragePool(x)", "AveragePool(x) {kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]}",
        "AveragePool(x) {kernel_shape=[2,3], count_include_pad=1, pads=[0,1,1,1]}"})
    expect_fast(on_codes("[2,75,9,9]", std::string("y = ") + mean));
  expect_fast(on_codes("[2,20,9,9]", "axes: i64[2] = [-1,2]\n y = ReduceMean(x, axes) {keepdims=1}", "i8(scale=0.02, zp=-3)"));
}

// Operands of every shape that broadcasts, in channels last when a pool or convolution made one of them.
TEST(Codes, BroadcastSumsAndProducts) {
  const std::string a = "x: f32[2,9,6,5] @ u8(scale=0.02, zp=121)";
  for (const char* op : {"Add", "Sub", "Mul"})
    for (const char* other : {"[2,9,6,5]", "[2,9,1,1]", "[1,9,1,1]", "[9,1,1]", "[1]", "[]", "[2,1,6,5]", "[2,1,1,1]"})
      for (bool pooled : {false, true})
        for (bool swapped : {false, true}) {
          SCOPED_TRACE(fmt::format("{} {} {} {}", op, other, pooled, swapped));
          const std::string x = pooled ? "p" : "x", args = swapped ? "b, " + x : x + ", b";
          expect_fast(fmt::format("graph net({}, b: f32{} @ i8(scale=0.03, zp=7)) -> (y, z) {{\n"
                                  " p: f32[2,9,6,5] @ u8(scale=0.02, zp=121) = MaxPool(x) {{kernel_shape=[1,1]}}\n"
                                  " s = {}({})\n y: f32[2,9,6,5] @ u8(scale=0.04, zp=3) = Relu(s)\n"
                                  " z: f32[2,9,6,5] @ i8(scale=0.09, zp=3) = {}({})\n}}",
                                  a, other, op, args, op, args));
        }
  expect_fast("graph net(a: f32[4,1,7] @ u8(scale=0.02, zp=121), b: f32[3,1] @ i8(scale=0.03, zp=7)) -> (y) {\n"
              " y: f32[4,3,7] @ u8(scale=0.05, zp=100) = Mul(a, b)\n}");
}

TEST(Codes, BatchNormalization) {
  const std::string parameters = R"(
  g: f32[20] = constant(normal, seed=1, scale=1)
  b: f32[20] = constant(normal, seed=2, scale=1)
  m: f32[20] = constant(normal, seed=3, scale=1)
  v: f32[20] = constant(uniform, seed=4, lo=0.1, hi=2)
)";
  for (const char* shape : {"[3,20]", "[2,20,7]", "[2,20,6,5]", "[1,20,3,2,4]"}) {
    SCOPED_TRACE(shape);
    expect_fast(on_codes(shape, parameters + "y: f32" + shape + " @ u8(scale=0.05, zp=90) = BatchNormalization(x, g, b, m, v)"));
    const std::string relu = on_codes(shape, parameters + "n = BatchNormalization(x, g, b, m, v) {epsilon=0.01}\n y: f32" + shape +
                                                 " @ i8(scale=0.05, zp=-100) = Relu(n)");
    expect_fast(relu);
    EXPECT_THAT(step_names(parse_graph(relu)), testing::Contains(HasSubstr("BatchNormalization+Relu(")));
    expect_fast(on_codes(shape, parameters + "lo: f32[] = [-1]\n hi: f32[] = [6]\n n = BatchNormalization(x, g, b, m, v)\n" +
                                    " c = Clip(n, lo, hi)\n y: f32" + shape + " @ u8(scale=0.03, zp=40) = precis::Quantize(c)",
                         "i8(scale=0.02, zp=-3)"));
  }
}

TEST(Codes, Resizes) {
  for (const char* mode : {"nearest", "linear", "cubic"})
    for (const char* coordinates : {"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"})
      for (const char* sizes : {"[2,9,12,10]", "[2,9,4,13]", "[2,9,6,3]"}) {
        SCOPED_TRACE(fmt::format("{} {} {}", mode, coordinates, sizes));
        expect_fast(on_codes(
            "[2,9,6,5]",
            fmt::format("s: i64[4] = {}\n y: f32[?,?,?,?] @ u8(scale=0.02, zp=121) = Resize(x, _, _, s) "
                        "{{mode=\"{}\", coordinate_transformation_mode=\"{}\"}}",
                        sizes, mode, coordinates)));
      }
  expect_fast(on_codes(
      "[1,33,6,5]",
      "s: f32[4] = [1,1,2,2]\n y: f32[?,?,?,?] @ i8(scale=0.03, zp=-4) = Resize(x, _, s) {mode=\"linear\"}"));
}

TEST(Codes, DepthToSpaceAndBack) {
  for (bool pooled : {false, true})
    for (const char* f : {"DepthToSpace(p) {blocksize=2}", "DepthToSpace(p) {blocksize=2, mode=\"CRD\"}",
                          "SpaceToDepth(p) {blocksize=3}"}) {
      SCOPED_TRACE(f);
      const std::string p = pooled ? "MaxPool(x) {kernel_shape=[1,1]}" : "Relu(x)";
      expect_fast(on_codes("[2,12,6,9]", "p: f32[2,12,6,9] @ u8(scale=0.02, zp=121) = " + p +
                                             "\n y: f32[?,?,?,?] @ u8(scale=0.02, zp=121) = " + f));
      expect_fast("graph net(x: f32[2,12,6,9]) -> (y) {\n p = " + p + "\n y = " + f + "\n}");
    }
}

TEST(Codes, ChannelShuffleStaysInChannelsLast) {
  const std::string same = " @ u8(scale=0.02, zp=121)";
  const std::string text = on_codes(
      "[2,24,5,4]", "p: f32[2,24,5,4]" + same +
                        " = MaxPool(x) {kernel_shape=[1,1]}\n s5: i64[5] = [2,3,8,5,4]\n s4: i64[4] = "
                        "[0,24,5,4]\n a: f32[2,3,8,5,4]" +
                        same + " = Reshape(p, s5)\n t: f32[2,8,3,5,4]" + same +
                        " = Transpose(a) {perm=[0,2,1,3,4]}\n b: f32[2,24,5,4]" + same +
                        " = Reshape(t, s4)\n y: f32[2,24,5,4]" + same + " = MaxPool(b) {kernel_shape=[1,1]}");
  expect_fast(text);
  EXPECT_THAT(step_names(parse_graph(text)), testing::Contains(HasSubstr("Reshape+Transpose+Reshape(avx")));
}

TEST(Codes, FunctionsByTable) {
  for (const char* f :
       {"Relu(x)", "LeakyRelu(x)", "Sigmoid(x)", "HardSwish(x)", "Tanh(x)", "Gelu(x)", "Abs(x)"})
    for (const char* in : {"u8(scale=0.02, zp=121)", "i8(scale=0.02, zp=-5)"})
      expect_fast(on_codes("[2,3,5,5]", std::string("y: f32[2,3,5,5] @ u8(scale=0.01, zp=40) = ") + f, in));
}

TEST(Codes, PReluByTablesPerChannel) {
  for (const char* slope : {"[20,1,1]", "[1,20,1,1]", "[1]", "[]"})
    for (const char* in : {"u8(scale=0.02, zp=121)", "i8(scale=0.02, zp=-5)"})
      expect_fast(on_codes(
          "[2,20,5,3]",
          std::string("s: f32") + slope +
              " = constant(normal, seed=1, scale=1)\n y: f32[2,20,5,3] @ u8(scale=0.03, zp=70) = PRelu(x, s)",
          in));
  expect_fast(on_codes(
      "[4,20]",
      "s: f32[20] = constant(normal, seed=1, scale=1)\n y: f32[4,20] @ i8(scale=0.03, zp=7) = PRelu(x, s)"));
}

// What no integer kernel computes runs by fast float kernels: at most one code beside the reference, where a
// result lies between two.
TEST(Codes, FloatBetweenCodes) {
  const std::string w =
      " w: f32[8,6,3,3] @ i8(axis=0, scale=[0.01,0.02,0.01,0.02,0.01,0.02,0.01,0.02]) = constant(uniform, "
      "seed=1, lo=-127, hi=127)\n";
  for (const std::string& body :
       {std::string("y: f32[1,6,5,5] @ u8(scale=0.02, zp=100) = LRN(x) {size=3}"),
        std::string("y = Sigmoid(x)"),
        std::string("r = Sigmoid(x)\n y: f32[1,6,5,5] @ u8(scale=0.01, zp=3) = Sqrt(r)"),
        w + "r = Neg(x)\n y: f32[1,8,5,5] @ u8(scale=0.2, zp=120) = Conv(r, w) {pads=[1,1,1,1]}",
        std::string("r = Neg(x)\n y: f32[1,6,2,2] @ u8(scale=0.02, zp=100) = MaxPool(r) {kernel_shape=[2,2], "
                    "strides=[2,2]}")}) {
    SCOPED_TRACE(body);
    const Graph graph = parse_graph(on_codes("[1,6,5,5]", body));
    const std::vector<Tensor> inputs = test::random_inputs(graph, 3);
    for (const std::string& step : step_names(graph))
      EXPECT_THAT(step, testing::Not(HasSubstr("(reference)")));
    const Tensor wanted = runtime::run_reference(graph, inputs)[0],
                 got = runtime::Session(runtime::Program::compile(graph), 1).run(inputs)[0];
    ASSERT_EQ(got.dtype(), wanted.dtype());
    const double allowed = got.dtype() == DType::kF32 ? 1e-5 : 1;
    for (int64_t i = 0; i < got.numel(); ++i)
      ASSERT_NEAR(got.at_double(i), wanted.at_double(i), allowed) << i;
  }
}

TEST(Codes, MovingCodes) {
  const std::string same = " @ u8(scale=0.02, zp=121)";
  expect_fast(on_codes("[2,8,6,6]", "y: f32[?,?,?,?]" + same + " = Transpose(x) {perm=[0,2,3,1]}"));
  expect_fast(on_codes("[2,8,6,6]", "y: f32[?,?,?,?]" + same + " = Transpose(x) {perm=[1,0,3,2]}"));
  expect_fast(on_codes(
      "[2,8,6,6]",
      "s: i64[2] = [1,0]\n e: i64[2] = [5,100]\n a: i64[2] = [2,3]\n t: i64[2] = [2,3]\n y: f32[?,?,?,?]" +
          same + " = Slice(x, s, e, a, t)"));
  expect_fast(on_codes("[2,8,6,6]", "p: i64[8] = [0,4,1,0, 0,4,0,2]\n v: f32[] = [0.5]\n y: f32[?,?,?,?]" +
                                        same + " = Pad(x, p, v)"));
  expect_fast(on_codes("[2,8,6,6]", "s: i64[2] = [2,-1]\n y: f32[?,?]" + same + " = Reshape(x, s)"));
  expect_fast(
      "graph net(a: f32[1,9,4,4] @ u8(scale=0.02, zp=121), b: f32[1,7,4,4] @ u8(scale=0.02, zp=121)) -> (y, "
      "z) {\n"
      " y: f32[1,16,4,4] @ u8(scale=0.02, zp=121) = Concat(a, b) {axis=1}\n"
      " z: f32[1,16,4,4] @ i8(scale=0.03, zp=1) = Concat(a, b) {axis=1}\n}");
  expect_fast(on_codes("[2,8,6,6]", "y: f32[?,?,?,?] @ i8(scale=0.03, zp=3) = precis::Requantize(x)"));
}

// Convolutions write straight into the Concat that joins their channels.
TEST(Codes, ConcatInPlace) {
  const std::string text = R"(
graph net(x: f32[1,16,6,6] @ u8(scale=0.02, zp=121)) -> (y) {
  w1: f32[24,16,1,1] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)
  w2: f32[40,16,3,3] @ i8(scale=0.01) = constant(uniform, seed=2, lo=-127, hi=127)
  w3: f32[8,64,1,1] @ i8(scale=0.01) = constant(uniform, seed=3, lo=-127, hi=127)
  ca = Conv(x, w1)
  a: f32[1,24,6,6] @ u8(scale=0.1, zp=0) = Relu(ca)
  cb = Conv(x, w2) {pads=[1,1,1,1]}
  b: f32[1,40,6,6] @ u8(scale=0.1, zp=0) = Relu(cb)
  c: f32[1,64,6,6] @ u8(scale=0.1, zp=0) = Concat(a, b) {axis=1}
  y: f32[1,8,6,6] @ u8(scale=0.4, zp=90) = Conv(c, w3)
})";
  expect_fast(text);
}

// Two reals whose result is encoded: a hard swish in its parts ends like that, and its codes are a byte each.
TEST(Codes, ArithmeticOfRealsEndsOnCodes) {
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Max", "Min"}) {
    SCOPED_TRACE(op);
    expect_engines_agree(
        std::string("graph net(x: f32[2,8,6,6]) -> (y) {\n c: f32[] = 6\n t = Relu(x)\n"
                    "y: f32[2,8,6,6] @ u8(scale=0.034, zp=11) = ") +
        op + "(t, c)\n}");
  }
}

TEST(Codes, BetweenRealsAndCodes) {
  expect_fast(
      "graph net(x: f32[1,3,9,9]) -> (y) {\n q: f32[1,3,9,9] @ u8(scale=0.02, zp=100) = precis::Quantize(x)\n"
      " w: f32[8,3,3,3] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)\n"
      " c: f32[1,8,9,9] @ u8(scale=0.1, zp=100) = Conv(q, w) {pads=[1,1,1,1]}\n y = "
      "precis::Dequantize(c)\n}");
  for (const char* channels : {"1", "3", "17", "70"})  // codes are made in channels last, and reals in planes
    expect_fast(fmt::format("graph net(x: f32[2,{0},19,23]) -> (y) {{\n q: f32[2,{0},19,23] @ i8(scale=0.02, zp=3) = precis::Quantize(x)\n"
                            " p: f32[2,{0},19,23] @ i8(scale=0.02, zp=3) = MaxPool(q) {{kernel_shape=[1,1]}}\n"
                            " y = precis::Dequantize(p)\n}}",
                            channels));
  expect_fast(
      "graph net(x: f32[1,3,9,9]) -> (y) {\n s: f32[] = [0.02]\n z: u8[] = [100]\n q = QuantizeLinear(x, s, "
      "z)\n y = DequantizeLinear(q, s, z)\n}");
}

// The residual is the convolution's own input: the result must not be laid over what is still read.
TEST(Codes, ResidualThatIsTheSource) {
  for (const char* weights : {"w: f32[32,1,3,3] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)",
                              "w: f32[32,32,1,1] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)"}) {
    const bool depthwise = std::string(weights).find("[32,1,") != std::string::npos;
    SCOPED_TRACE(weights);
    test::expect_engines_agree(std::string(R"(
graph net(x: f32[1,32,20,20]) -> (y) {
  q: f32[1,32,20,20] @ u8(scale=0.02, zp=100) = precis::Quantize(x)
  )") + weights + R"(
  c = Conv(q, w) )" + (depthwise ? "{group=32, pads=[1,1,1,1]}" : "{}") + R"(
  s: f32[1,32,20,20] @ u8(scale=0.2, zp=100) = Add(c, q)
  y = precis::Dequantize(s)
})");
  }
}

// Plans of one program share packed weights, but the multipliers of a fused sum are not those of a float result.
TEST(Codes, BroadcastResidualOnSomeShapesOnly) {
  const Graph graph = parse_graph(R"(
graph net(x: f32[1,8,H,W]) -> (y) {
  q: f32[1,8,H,W] @ u8(scale=0.02, zp=100) = precis::Quantize(x)
  w: f32[8,8,1,1] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-127, hi=127)
  r: f32[1,8,1,1] @ u8(scale=0.05, zp=3) = constant(uniform, seed=2, lo=0, hi=255)
  c = Conv(q, w)
  s: f32[1,8,H,W] @ u8(scale=0.2, zp=100) = Add(c, r)
  y = precis::Dequantize(s)
})");
  runtime::Session fast(runtime::Program::compile(graph)), truth(runtime::Program::compile(graph, {runtime::Engine::kReference, {}}));
  for (const Shape& shape : {Shape{1, 8, 1, 1}, Shape{1, 8, 6, 6}, Shape{1, 8, 1, 1}}) {
    const std::vector<Tensor> x{test::random_tensor(shape, 7)};
    EXPECT_TRUE(test::tensors_close(fast.run(x)[0], truth.run(x)[0], {}));
  }
}

}  // namespace
}  // namespace precis
