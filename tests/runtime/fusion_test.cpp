// Fused steps give what the separate operators give, and fusion stops where a value is seen from outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "precis/graph/text.h"
#include "tests/runtime/run_both.h"

namespace precis {
namespace {

using test::expect_engines_agree;
using test::step_names;
using testing::ElementsAre;

const char* const kConvBatchNormRelu = R"(
graph net(x: f32[2,8,9,9]) -> (y) {
  w: f32[16,8,3,3] = constant(normal, seed=1, scale=0.2)
  b: f32[16] = constant(normal, seed=2, scale=1)
  gamma: f32[16] = constant(normal, seed=3, scale=1)
  beta: f32[16] = constant(normal, seed=4, scale=1)
  mean: f32[16] = constant(normal, seed=5, scale=1)
  var: f32[16] = constant(uniform, seed=6, lo=0.1, hi=2)
  c = Conv(x, w, b) {pads=[1,1,1,1]}
  n = BatchNormalization(c, gamma, beta, mean, var)
  y = Relu(n)
})";

TEST(Fusion, ConvolutionBatchNormActivation) {
  expect_engines_agree(kConvBatchNormRelu);
  EXPECT_THAT(step_names(parse_graph(kConvBatchNormRelu)),
              ElementsAre("Conv+BatchNormalization+Relu(onednn)"));
}

TEST(Fusion, TransposedConvolutionBatchNorm) {
  expect_engines_agree(R"(
graph net(x: f32[1,8,5,5]) -> (y) {
  w: f32[8,6,3,3] = constant(normal, seed=1, scale=0.2)
  gamma: f32[12] = constant(normal, seed=3, scale=1)
  beta: f32[12] = constant(normal, seed=4, scale=1)
  mean: f32[12] = constant(normal, seed=5, scale=1)
  var: f32[12] = constant(uniform, seed=6, lo=0.1, hi=2)
  c = ConvTranspose(x, w) {group=2, strides=[2,2]}
  y = BatchNormalization(c, gamma, beta, mean, var)
})");
}

const char* const kResidual = R"(
graph net(x: f32[1,16,8,8]) -> (y) {
  w1: f32[16,16,3,3] = constant(normal, seed=1, scale=0.1)
  w2: f32[16,16,3,3] = constant(normal, seed=2, scale=0.1)
  a = Conv(x, w1) {pads=[1,1,1,1]}
  r = Relu(a)
  c = Conv(r, w2) {pads=[1,1,1,1]}
  s = Add(c, x)
  y = Relu(s)
})";

TEST(Fusion, ResidualSum) {
  expect_engines_agree(kResidual);
  EXPECT_THAT(step_names(parse_graph(kResidual)), ElementsAre("Conv+Relu(onednn)", "Conv+Add+Relu(onednn)"));
}

// The sum may be left where the residual lies only when nobody reads that memory afterwards, under any name.
TEST(Fusion, ResidualThatIsReadAgain) {
  for (const char* rest :
       {"y = Mul(s, r)", "y = Conv(r, w)\n  z = Abs(s)", "f = Reshape(r, to)\n  y = Relu(s)\n  z = Abs(f)"}) {
    SCOPED_TRACE(rest);
    const bool two = std::string(rest).find("z =") != std::string::npos;
    expect_engines_agree(std::string("\ngraph net(x: f32[1,16,8,8]) -> (y") + (two ? ", z" : "") + R"() {
  w: f32[16,16,3,3] = constant(normal, seed=1, scale=0.1)
  to: i64[3] = [1, 16, 64]
  r = Relu(x)
  t = Tanh(r)
  c = Conv(t, w) {pads=[1,1,1,1]}
  s = Add(c, r)
  )" + rest + "\n}");
  }
}

TEST(Fusion, ResidualThatIsTheSource) {
  const std::string text = R"(
graph net(x: f32[1,16,8,8]) -> (y) {
  w: f32[16,16,3,3] = constant(normal, seed=1, scale=0.1)
  r = Tanh(x)
  c = Conv(r, w) {pads=[1,1,1,1]}
  s = Add(c, r)
  y = Relu(s)
})";
  expect_engines_agree(text);
  EXPECT_THAT(step_names(parse_graph(text)), ElementsAre("Tanh(onednn)", "Conv+Add+Relu(onednn)"));
}

// Images one element wide are turned into rows for oneDNN.
TEST(Fusion, ColumnConvolutions) {
  for (const char* attributes :
       {"{pads=[2,0,2,0]}", "{pads=[1,0,3,0]}", "{pads=[4,0,4,0], dilations=[2,1]}"}) {
    SCOPED_TRACE(attributes);
    const std::string text = std::string(R"(
graph net(x: f32[2,16,40,1]) -> (y) {
  w: f32[16,16,5,1] = constant(normal, seed=1, scale=0.2)
  b: f32[16] = constant(normal, seed=2, scale=1)
  t = Tanh(x)
  c = Conv(t, w, b) )") + attributes +
                             R"(
  s = Add(c, x)
  y = Relu(s)
})";
    expect_engines_agree(text);
    EXPECT_THAT(step_names(parse_graph(text)), ElementsAre("Tanh(onednn)", "Conv+Add+Relu(onednn)"));
  }
  expect_engines_agree(R"(
graph net(x: f32[1,6,40,1]) -> (y) {
  w: f32[6,4,4,1] = constant(normal, seed=1, scale=0.2)
  y = ConvTranspose(x, w) {group=2, strides=[3,1], pads=[1,0,1,0], output_padding=[1,0]}
})");
}

TEST(Fusion, ChannelShuffle) {
  for (const char* groups : {"2, 12", "3, 8", "4, 6", "6, 4", "8, 3"}) {
    SCOPED_TRACE(groups);
    const std::string text = std::string(R"(
graph net(x: f32[2,24,5,7]) -> (y) {
  w: f32[24,24,1,1] = constant(normal, seed=1, scale=0.2)
  split: i64[5] = [2, )") + groups +
                             R"(, 5, 7]
  join: i64[4] = [2, 24, 5, 7]
  c = Conv(x, w)
  s = Reshape(c, split)
  t = Transpose(s) {perm=[0,2,1,3,4]}
  j = Reshape(t, join)
  y = Conv(j, w)
})";
    expect_engines_agree(text);
    EXPECT_THAT(step_names(parse_graph(text)),
                ElementsAre("Conv(onednn)", "Reshape+Transpose+Reshape(copy)", "Conv(onednn)"));
  }
}

TEST(Fusion, ChannelShuffleOfAnInput) {
  expect_engines_agree(R"(
graph net(x: f32[2,6,5,7]) -> (y) {
  split: i64[5] = [2, 2, 3, 5, 7]
  join: i64[4] = [2, 6, 5, 7]
  s = Reshape(x, split)
  t = Transpose(s) {perm=[0,2,1,3,4]}
  y = Reshape(t, join)
})");
}

TEST(Fusion, TwoConvolutionsMeetInOneSum) {
  expect_engines_agree(R"(
graph net(x: f32[1,16,8,8]) -> (y) {
  w1: f32[32,16,3,3] = constant(normal, seed=1, scale=0.1)
  w2: f32[32,16,1,1] = constant(normal, seed=2, scale=0.1)
  a = Conv(x, w1) {pads=[1,1,1,1], strides=[2,2]}
  c = Conv(x, w2) {strides=[2,2]}
  s = Add(a, c)
  y = Relu(s)
})");
}

TEST(Fusion, SumWithItselfIsNotAResidual) {
  expect_engines_agree(R"(
graph net(x: f32[1,8,4,4]) -> (y) {
  w: f32[8,8,1,1] = constant(normal, seed=1, scale=0.1)
  c = Conv(x, w)
  y = Add(c, c)
})");
}

TEST(Fusion, BroadcastSumIsNotAResidual) {
  expect_engines_agree(R"(
graph net(x: f32[1,8,4,4], r: f32[8,1,1]) -> (y) {
  w: f32[8,8,1,1] = constant(normal, seed=1, scale=0.1)
  c = Conv(x, w)
  s = Add(c, r)
  y = Relu(s)
})");
}

TEST(Fusion, EveryActivation) {
  for (const char* activation :
       {"Relu(c)", "LeakyRelu(c) {alpha=0.3}", "Elu(c) {alpha=0.7}", "Sigmoid(c)", "Tanh(c)",
        "HardSigmoid(c)", "HardSwish(c)", "Swish(c)", "Swish(c) {alpha=1.5}", "Gelu(c)", "Gelu(c) {approximate=\"tanh\"}", "Clip(c, lo, hi)",
        "Clip(c, lo)", "Clip(c, _, hi)", "PRelu(c, slope)"}) {
    SCOPED_TRACE(activation);
    const std::string text = std::string(R"(
graph net(x: f32[1,8,6,6]) -> (y) {
  w: f32[12,8,3,3] = constant(normal, seed=1, scale=0.2)
  lo: f32[] = [-0.5]
  hi: f32[] = [1.25]
  slope: f32[1] = [0.1]
  c = Conv(x, w)
  y = )") + activation + "\n}";
    expect_engines_agree(text);
    EXPECT_EQ(step_names(parse_graph(text)).size(), 1u);
  }
}

TEST(Fusion, HardSwishFromItsParts) {
  const std::string text = R"(
graph net(x: f32[1,8,6,6]) -> (y) {
  w: f32[8,8,3,3] = constant(normal, seed=1, scale=0.2)
  c = Conv(x, w)
  h = HardSigmoid(c) {alpha=0.16666667, beta=0.5}
  y = Mul(c, h)
})";
  expect_engines_agree(text);
  EXPECT_THAT(step_names(parse_graph(text)), ElementsAre("Conv+HardSwish(onednn)"));
}

TEST(Fusion, HardSwishFromClip) {
  for (const char* last : {"y = Div(p, six)", "y = Mul(p, sixth)", "y = Mul(sixth, p)"}) {
    const std::string text = std::string(R"(
graph net(x: f32[1,8,6,6]) -> (y) {
  w: f32[8,8,3,3] = constant(normal, seed=1, scale=2)
  zero: f32[] = [0]
  three: f32[] = [3]
  six: f32[] = [6]
  sixth: f32[] = [0.16666667]
  c = Conv(x, w)
  a = Add(c, three)
  h = Clip(a, zero, six)
  p = Mul(c, h)
  )") + last + "\n}";
    expect_engines_agree(text);
    EXPECT_THAT(step_names(parse_graph(text)), ElementsAre("Conv+HardSwish(onednn)"));
  }
}

// Other numbers, or a value that somebody else reads, are no HardSwish.
TEST(Fusion, AlmostHardSwish) {
  for (const char* end : {"y = Div(p, three)", "y = Div(six, p)", "y = Add(p, h)"}) {
    const std::string text = std::string(R"(
graph net(x: f32[1,8,6,6]) -> (y) {
  w: f32[8,8,3,3] = constant(normal, seed=1, scale=2)
  zero: f32[] = [0]
  three: f32[] = [3]
  six: f32[] = [6]
  c = Conv(x, w)
  a = Add(c, three)
  h = Clip(a, zero, six)
  p = Mul(c, h)
  )") + end + "\n}";
    expect_engines_agree(text);
    EXPECT_GT(step_names(parse_graph(text)).size(), 1u);
  }
}

TEST(Fusion, GemmAndMatMul) {
  expect_engines_agree(R"(
graph net(x: f32[3,20]) -> (y) {
  w: f32[7,20] = constant(normal, seed=1, scale=0.2)
  b: f32[7] = constant(normal, seed=2, scale=1)
  g = Gemm(x, w, b) {transB=1}
  y = Relu(g)
})");
  expect_engines_agree(R"(
graph net(x: f32[2,5,20], r: f32[2,5,7]) -> (y) {
  w: f32[20,7] = constant(normal, seed=1, scale=0.2)
  g = MatMul(x, w)
  s = Add(g, r)
  y = Relu(s)
})");
}

TEST(Fusion, AddedConstantIsABias) {
  const std::string conv = R"(
graph net(x: f32[1,8,6,6]) -> (y) {
  w: f32[12,8,3,3] = constant(normal, seed=1, scale=0.2)
  b: f32[12,1,1] = constant(normal, seed=2, scale=1)
  gamma: f32[12] = constant(normal, seed=3, scale=1)
  beta: f32[12] = constant(normal, seed=4, scale=1)
  mean: f32[12] = constant(normal, seed=5, scale=1)
  var: f32[12] = constant(uniform, seed=6, lo=0.1, hi=2)
  c = Conv(x, w)
  a = Add(c, b)
  n = BatchNormalization(a, gamma, beta, mean, var)
  y = Relu(n)
})";
  expect_engines_agree(conv);
  EXPECT_THAT(step_names(parse_graph(conv)), ElementsAre("Conv+Add+BatchNormalization+Relu(onednn)"));
  const std::string product = R"(
graph net(x: f32[2,3,8], r: f32[2,3,5]) -> (y) {
  w: f32[8,5] = constant(normal, seed=1, scale=0.2)
  b: f32[5] = constant(normal, seed=2, scale=1)
  c = MatMul(x, w)
  a = Add(b, c)
  s = Add(a, r)
  y = Relu(s)
})";
  expect_engines_agree(product);
  EXPECT_THAT(step_names(parse_graph(product)), ElementsAre("MatMul+Add+Add+Relu(onednn)"));
}

TEST(Fusion, FactorsAndSummandsPerChannel) {
  const std::string constants = R"(
  f: f32[12,1,1] = constant(uniform, seed=2, lo=0.5, hi=2)
  s: f32[1,12,1,1] = constant(normal, seed=3, scale=1)
  half: f32[] = [0.5]
  gamma: f32[12] = constant(normal, seed=3, scale=1)
  beta: f32[12] = constant(normal, seed=4, scale=1)
  mean: f32[12] = constant(normal, seed=5, scale=1)
  var: f32[12] = constant(uniform, seed=6, lo=0.1, hi=2)
)";
  const std::string conv = "graph net(x: f32[1,8,6,6]) -> (y) {" + constants + R"(
  w: f32[12,8,3,3] = constant(normal, seed=1, scale=0.2)
  c = Conv(x, w)
  n = BatchNormalization(c, gamma, beta, mean, var)
  m = Mul(n, f)
  a = Add(s, m)
  d = Div(a, half)
  e = Sub(d, half)
  y = Relu(e)
})";
  expect_engines_agree(conv);
  EXPECT_THAT(step_names(parse_graph(conv)),
              ElementsAre("Conv+BatchNormalization+Mul+Add+Div+Sub+Relu(onednn)"));
  const std::string norm = "graph net(x: f32[2,12,6,6]) -> (y) {" + constants + R"(
  n = BatchNormalization(x, gamma, beta, mean, var)
  m = Mul(n, f)
  a = Add(m, s)
  y = Relu(a)
})";
  expect_engines_agree(norm);
  EXPECT_THAT(step_names(parse_graph(norm)), ElementsAre("BatchNormalization+Mul+Add+Relu(onednn)"));
  // 1 - x and 1 / x are nothing to multiply into weights.
  expect_engines_agree("graph net(x: f32[1,8,6,6]) -> (y, z) {" + constants + R"(
  w: f32[12,8,3,3] = constant(normal, seed=1, scale=0.2)
  v: f32[12,8,3,3] = constant(uniform, seed=1, lo=1, hi=2)
  c = Conv(x, w)
  y = Sub(f, c)
  p = Exp(x)
  d = Conv(p, v)
  z = Div(f, d)
})");
  expect_engines_agree("graph net(x: f32[3,8]) -> (y) {" + constants + R"(
  w: f32[12,8] = constant(normal, seed=1, scale=0.2)
  b: f32[12] = constant(normal, seed=9, scale=0.2)
  c = Gemm(x, w, b) {transB=1, beta=0.5}
  m = Mul(c, gamma)
  y = Add(m, beta)
})");
}

TEST(Fusion, SumOfTwoIsAResidual) {
  const std::string text = R"(
graph net(x: f32[1,16,8,8]) -> (y) {
  w: f32[16,16,3,3] = constant(normal, seed=2, scale=0.1)
  c = Conv(x, w) {pads=[1,1,1,1]}
  s = Sum(x, c)
  y = Relu(s)
})";
  expect_engines_agree(text);
  EXPECT_THAT(step_names(parse_graph(text)), ElementsAre("Conv+Sum+Relu(onednn)"));
}

TEST(Fusion, StopsAtOutputsAndSecondReaders) {
  expect_engines_agree(R"(
graph net(x: f32[1,8,6,6]) -> (c, y) {
  w: f32[8,8,3,3] = constant(normal, seed=1, scale=0.2)
  c = Conv(x, w)
  y = Relu(c)
})");
  expect_engines_agree(R"(
graph net(x: f32[1,8,6,6]) -> (y, z) {
  w: f32[8,8,3,3] = constant(normal, seed=1, scale=0.2)
  c = Conv(x, w)
  y = Relu(c)
  z = Tanh(c)
})");
}

}  // namespace
}  // namespace precis
