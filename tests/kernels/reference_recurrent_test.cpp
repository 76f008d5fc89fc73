// Recurrent cells against values worked out by hand: one unit, weights that keep the sums simple.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "precis/kernels/reference/recurrent.h"

namespace precis::kernels::reference {
namespace {

RecurrentParams one_unit(CellKind kind, int64_t steps, int64_t batch = 1) {
  RecurrentParams p;
  p.kind = kind;
  p.steps = steps, p.batch = batch, p.inputs = 1, p.hidden = 1;
  p.x_step = batch, p.x_batch = 1, p.y_step = batch, p.y_batch = 1, p.state_batch = 1;
  p.f = {kind == CellKind::kRnn ? GateFunction::kTanh : GateFunction::kSigmoid, 0, 0};
  p.g = p.h = {GateFunction::kTanh, 0, 0};
  return p;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(Recurrent, RnnAddsInputStateAndBothBiases) {
  const double w = 0.5, r = -0.25, bias[] = {0.125, 0.25}, x[] = {1, -2};
  double h = 0.5, y[2];
  recurrent<double>(one_unit(CellKind::kRnn, 2), {&w, &r, bias, nullptr}, x, &h, nullptr, y);
  EXPECT_DOUBLE_EQ(y[0], std::tanh(0.5 - 0.125 + 0.375));
  EXPECT_DOUBLE_EQ(y[1], std::tanh(-1 - 0.25 * y[0] + 0.375));
  EXPECT_DOUBLE_EQ(h, y[1]);
}

TEST(Recurrent, LstmGatesPeepholesAndClip) {
  const double w[] = {1, 2, 3, 4}, r[] = {0, 0, 0, 0}, peepholes[] = {0.5, 0.25, -0.5}, x[] = {0.25};
  RecurrentParams p = one_unit(CellKind::kLstm, 1);
  double h = 0, c = 1, y;
  recurrent<double>(p, {w, r, nullptr, peepholes}, x, &h, &c, &y);
  const double cell = sigmoid(0.75 - 0.5) * 1 + sigmoid(0.25 + 0.5) * std::tanh(1.0);
  EXPECT_DOUBLE_EQ(c, cell);
  EXPECT_DOUBLE_EQ(y, sigmoid(0.5 + 0.25 * cell) * std::tanh(cell));
  p.clip = 0.5f;
  p.input_forget = true;
  h = 0, c = 4;
  recurrent<double>(p, {w, r, nullptr, nullptr}, x, &h, &c, &y);
  const double i = sigmoid(0.25), kept = (1 - i) * 4 + i * std::tanh(0.5);
  EXPECT_DOUBLE_EQ(c, kept);
  EXPECT_DOUBLE_EQ(y, sigmoid(0.5) * std::tanh(kept));  // the cell itself is not bounded
}

TEST(Recurrent, GruResetsBeforeOrAfterTheProduct) {
  const double w[] = {1, 1, 1}, r[] = {0, 0, 2}, bias[] = {0, 0, 0, 0, 0, 0.5}, x[] = {0.25};
  const double z = sigmoid(0.25), reset = z;
  for (const bool after : {false, true}) {
    RecurrentParams p = one_unit(CellKind::kGru, 1);
    p.linear_before_reset = after;
    double h = 0.75, y;
    recurrent<double>(p, {w, r, bias, nullptr}, x, &h, nullptr, &y);
    const double sum = after ? 0.25 + reset * (2 * 0.75 + 0.5) : 0.25 + 2 * (reset * 0.75) + 0.5;
    EXPECT_DOUBLE_EQ(y, (1 - z) * std::tanh(sum) + z * 0.75) << after;
  }
}

TEST(Recurrent, ReversedSequencesOfTheirOwnLengths) {
  const float w = 1, r = 1, x[] = {1, 2, 10, 20, 100, 200};  // two samples, three steps
  const int32_t lengths[] = {2, 0};
  RecurrentParams p = one_unit(CellKind::kRnn, 3, 2);
  p.f = {GateFunction::kAffine, 1, 0};
  p.reverse = true;
  p.lengths = lengths;
  float h[] = {0, 7};
  std::vector<float> y(6, -1);
  recurrent<float>(p, {&w, &r, nullptr, nullptr}, x, h, nullptr, y.data());
  EXPECT_EQ(y, (std::vector<float>{11, 0, 10, 0, 0, 0}));
  EXPECT_EQ(h[0], 11);
  EXPECT_EQ(h[1], 7);  // no step: the initial state stays
}

TEST(Recurrent, LstmOnCodesQuantizesTheStateInEveryStep) {
  // Gates i, o, f, c. The candidate alone sees the input: 2 * 0.5 * 64 * (0.25 / 64).
  const int32_t w[] = {0, 0, 0, 64}, r[] = {0, 0, 0, 100}, x[] = {2, 0};
  const float w_scale[] = {1, 1, 1, 0.25f / 64}, r_scale[] = {1, 1, 1, 0.01f};
  float h = 0, c = 0, y[2];
  recurrent_codes(one_unit(CellKind::kLstm, 2), {w, r, w_scale, r_scale, nullptr, nullptr}, x, 0.5f, &h, &c,
                  y);
  const double c0 = 0.5 * std::tanh(0.25), h0 = 0.5 * std::tanh(c0);
  EXPECT_NEAR(y[0], h0, 1e-7);
  // One positive value fills the range from 0: code 255 of scale h0 / 255.
  const double c1 = 0.5 * c0 + 0.5 * std::tanh(255 * 100 * (h0 / 255) * 0.01);
  EXPECT_NEAR(c, c1, 1e-7);
  EXPECT_NEAR(y[1], 0.5 * std::tanh(c1), 1e-7);
  EXPECT_EQ(h, y[1]);
}

TEST(Recurrent, ActivationsOfGates) {
  const auto at = [](GateFunction f, double x) { return gate_function<double>({f, 0.5f, 0.25f}, x); };
  EXPECT_DOUBLE_EQ(at(GateFunction::kAffine, 2), 1.25);
  EXPECT_DOUBLE_EQ(at(GateFunction::kElu, -1), 0.5 * (std::exp(-1) - 1));
  EXPECT_DOUBLE_EQ(at(GateFunction::kHardSigmoid, 2), 1);
  EXPECT_DOUBLE_EQ(at(GateFunction::kHardSigmoid, 1), 0.75);
  EXPECT_DOUBLE_EQ(at(GateFunction::kLeakyRelu, -2), -1);
  EXPECT_DOUBLE_EQ(at(GateFunction::kRelu, -2), 0);
  EXPECT_DOUBLE_EQ(at(GateFunction::kScaledTanh, 2), 0.5 * std::tanh(0.5));
  EXPECT_DOUBLE_EQ(at(GateFunction::kSigmoid, 1), sigmoid(1));
  EXPECT_NEAR(at(GateFunction::kSoftplus, 1), std::log(1 + std::exp(1)), 1e-15);
  EXPECT_DOUBLE_EQ(at(GateFunction::kSoftplus, 1000), 1000);
  EXPECT_DOUBLE_EQ(at(GateFunction::kSoftsign, -3), -0.75);
  EXPECT_DOUBLE_EQ(at(GateFunction::kTanh, 0.5), std::tanh(0.5));
  EXPECT_DOUBLE_EQ(at(GateFunction::kThresholdedRelu, 0.25), 0);
  EXPECT_DOUBLE_EQ(at(GateFunction::kThresholdedRelu, 0.75), 0.75);
}

}  // namespace
}  // namespace precis::kernels::reference
