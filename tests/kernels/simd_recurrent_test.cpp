// The recurrent kernels of every instruction set against the scalar reference, and their functions against
// exact ones.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "precis/core/rng.h"
#include "precis/kernels/simd/recurrent.h"

namespace precis::kernels::simd {
namespace {

using reference::GateFunction;

std::vector<Isa> isas() {
  std::vector<Isa> all;
  for (Isa isa : {Isa::kAvx2, Isa::kAvx512})
    if (cpu_runs(isa) && recurrent_kernels_for(isa) != nullptr) all.push_back(isa);
  return all;
}

std::vector<float> random_values(int64_t n, uint64_t seed, float scale = 0.5f) {
  Rng rng(seed);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = scale * static_cast<float>(2 * rng.uniform() - 1);
  return v;
}

// One direction over one element a step: its weights are 1, so that the input is the gates' own share.
struct Case {
  CellKind kind = CellKind::kLstm;
  int64_t hidden = 5, steps = 4, samples = 3;
  bool linear_before_reset = false, input_forget = false, peepholes = false, reverse = false, lengths = false;
  float clip = 0;
  GateFunctionParams f{GateFunction::kSigmoid, 0, 0}, g{GateFunction::kTanh, 0, 0},
      h{GateFunction::kTanh, 0, 0};
};

struct Result {
  std::vector<float> y, h, c;
};

struct Data {
  explicit Data(const Case& c)
      : rows(gate_count(c.kind) * c.hidden),
        x(random_values(c.steps * c.samples, 1, 2)),
        w(random_values(rows, 2)),
        r(random_values(rows * c.hidden, 3)),
        bias(random_values(2 * rows, 4)),
        peepholes(random_values(3 * c.hidden, 5)),
        h(random_values(c.samples * c.hidden, 6)),
        c(random_values(c.samples * c.hidden, 7)) {
    for (int64_t n = 0; n < c.samples; ++n) lengths.push_back(static_cast<int32_t>(n % (c.steps + 1)));
  }
  int64_t rows;
  std::vector<float> x, w, r, bias, peepholes, h, c;
  std::vector<int32_t> lengths;
};

Result run_reference(const Case& c, const Data& d) {
  reference::RecurrentParams p;
  p.kind = c.kind;
  p.steps = c.steps, p.batch = c.samples, p.inputs = 1, p.hidden = c.hidden;
  p.x_step = c.samples, p.x_batch = 1, p.y_step = c.samples * c.hidden, p.y_batch = p.state_batch = c.hidden;
  p.reverse = c.reverse, p.clip = c.clip, p.linear_before_reset = c.linear_before_reset,
  p.input_forget = c.input_forget;
  p.f = c.f, p.g = c.g, p.h = c.h;
  p.lengths = c.lengths ? d.lengths.data() : nullptr;
  Result result{std::vector<float>(static_cast<size_t>(c.steps * c.samples * c.hidden)), d.h, d.c};
  reference::recurrent<float>(
      p, {d.w.data(), d.r.data(), d.bias.data(), c.peepholes ? d.peepholes.data() : nullptr}, d.x.data(),
      result.h.data(), result.c.data(), result.y.data());
  return result;
}

// What the input brings, packed: [step][sample][block][gate][lane].
std::vector<float> packed_gates(const Case& c, const Data& d, const RecurrentCell& cell, int64_t lanes) {
  const int64_t gates = gate_count(c.kind), width = gates * cell.padded;
  std::vector<float> all(static_cast<size_t>(c.steps * c.samples * width)), row(static_cast<size_t>(d.rows));
  for (int64_t i = 0; i < c.steps * c.samples; ++i) {
    for (int64_t j = 0; j < d.rows; ++j) {
      const bool apart = c.kind == CellKind::kGru && c.linear_before_reset && j >= 2 * c.hidden;
      row[static_cast<size_t>(j)] = d.w[static_cast<size_t>(j)] * d.x[static_cast<size_t>(i)] +
                                    d.bias[static_cast<size_t>(j)] +
                                    (apart ? 0 : d.bias[static_cast<size_t>(d.rows + j)]);
    }
    pack_gate_rows(gates, c.hidden, cell.padded, lanes, row.data(), all.data() + i * width);
  }
  return all;
}

Result run_vectors(const Case& c, const Data& d, Isa isa) {
  const RecurrentKernels& kernels = *recurrent_kernels_for(isa);
  RecurrentCell cell;
  cell.kind = c.kind, cell.hidden = c.hidden;
  cell.padded = (c.hidden + kernels.lanes - 1) / kernels.lanes * kernels.lanes;
  cell.clip = c.clip, cell.linear_before_reset = c.linear_before_reset, cell.input_forget = c.input_forget;
  cell.f = c.f, cell.g = c.g, cell.h = c.h;
  const int64_t width = gate_count(c.kind) * cell.padded;
  std::vector<float> weights(static_cast<size_t>(width * c.hidden)),
      state_bias(static_cast<size_t>(cell.padded)), peepholes(static_cast<size_t>(3 * cell.padded)),
      scratch(static_cast<size_t>(recurrent_scratch(cell, c.samples)));
  pack_state_weights(cell, kernels.lanes, d.r.data(), weights.data());
  cell.weights = weights.data();
  if (c.kind == CellKind::kGru && c.linear_before_reset) {
    std::copy_n(d.bias.data() + d.rows + 2 * c.hidden, c.hidden, state_bias.data());
    cell.state_bias = state_bias.data();
  }
  for (int64_t g = 0; g < 3; ++g)
    std::copy_n(d.peepholes.data() + g * c.hidden, c.hidden, peepholes.data() + g * cell.padded);
  cell.peepholes = c.peepholes ? peepholes.data() : nullptr;
  const std::vector<float> gates = packed_gates(c, d, cell, kernels.lanes);
  Result result{std::vector<float>(static_cast<size_t>(c.steps * c.samples * c.hidden), -7.0f), d.h, d.c};
  RecurrentRun run;
  run.steps = c.steps, run.samples = c.samples;
  run.gates = gates.data(), run.gates_sample = width, run.gates_step = c.samples * width;
  run.lengths = c.lengths ? d.lengths.data() : nullptr;
  run.reverse = c.reverse;
  run.first_h = d.h.data(), run.first_c = d.c.data();
  run.last_h = result.h.data(), run.last_c = result.c.data(), run.y = result.y.data();
  run.state_sample = c.hidden, run.y_step = c.samples * c.hidden, run.y_sample = c.hidden;
  run.scratch = scratch.data();
  kernels.run(cell, run);
  return result;
}

void expect_near(const std::vector<float>& got, const std::vector<float>& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], want[i], 2e-6f * std::max(1.0f, std::fabs(want[i]))) << what << " " << i;
}

void check(const Case& c, const std::string& name) {
  const Data d(c);
  const Result want = run_reference(c, d);
  for (const Isa isa : isas()) {
    const Result got = run_vectors(c, d, isa);
    const std::string what = std::string(isa_name(isa)) + " " + name;
    expect_near(got.y, want.y, what + " y");
    expect_near(got.h, want.h, what + " h");
    if (c.kind == CellKind::kLstm) expect_near(got.c, want.c, what + " c");
  }
}

TEST(SimdRecurrent, AgreesWithTheReference) {
  for (const CellKind kind : {CellKind::kRnn, CellKind::kGru, CellKind::kLstm})
    for (const int64_t hidden : {1, 8, 16, 17, 47, 70, 130})
      for (const int64_t samples : {1, 2, 4, 7})
        for (const bool flag : {false, true}) {
          Case c;
          c.kind = kind, c.hidden = hidden, c.samples = samples;
          c.linear_before_reset = c.peepholes = c.reverse = flag;
          c.lengths = flag && samples > 2;
          check(c, std::to_string(static_cast<int>(kind)) + " x " + std::to_string(hidden) + " x " +
                       std::to_string(samples));
        }
}

TEST(SimdRecurrent, ClipsCouplesAndTakesOtherFunctions) {
  Case c;
  c.hidden = 21;
  c.clip = 0.25f;
  c.input_forget = true;
  check(c, "clip");
  c.f = {GateFunction::kHardSigmoid, 0.2f, 0.5f};
  c.g = {GateFunction::kRelu, 0, 0};
  c.h = {GateFunction::kAffine, 0.5f, 0.25f};
  check(c, "functions");
  EXPECT_FALSE(has_vector_form({GateFunction::kElu, 1, 0}));
}

// Each sample's sums are its own: who else runs beside it changes no bit.
TEST(SimdRecurrent, GroupingChangesNothing) {
  Case c;
  c.hidden = 33, c.samples = 7;
  const Data d(c);
  for (const Isa isa : isas()) {
    const Result all = run_vectors(c, d, isa);
    Case one = c;
    one.samples = 1;
    Data alone(one);
    alone.r = d.r, alone.w = d.w, alone.bias = d.bias,
    alone.h.assign(d.h.begin() + 5 * 33, d.h.begin() + 6 * 33);
    alone.c.assign(d.c.begin() + 5 * 33, d.c.begin() + 6 * 33);
    for (int64_t s = 0; s < c.steps; ++s)
      alone.x[static_cast<size_t>(s)] = d.x[static_cast<size_t>(s * 7 + 5)];
    const Result single = run_vectors(one, alone, isa);
    EXPECT_EQ(std::vector<float>(all.h.begin() + 5 * 33, all.h.begin() + 6 * 33), single.h) << isa_name(isa);
  }
}

// f(x) as the kernels have it: an RNN of one unit without weights.
float evaluate(Isa isa, GateFunction f, float x) {
  Case c;
  c.kind = CellKind::kRnn, c.hidden = c.steps = c.samples = 1, c.f = {f, 0, 0};
  Data d(c);
  d.x = {x}, d.w = {1}, d.r = {0}, d.bias = {0, 0};
  return run_vectors(c, d, isa).h[0];
}

TEST(SimdRecurrent, FunctionsAreExactToAFewUnits) {
  for (const Isa isa : isas()) {
    for (double x = -20; x <= 20; x += 0.0377) {
      const auto f = static_cast<float>(x);
      const double sigmoid = 1 / (1 + std::exp(-static_cast<double>(f))),
                   tangent = std::tanh(static_cast<double>(f));
      EXPECT_NEAR(evaluate(isa, GateFunction::kSigmoid, f), sigmoid, 5e-7 * sigmoid) << f;
      EXPECT_NEAR(evaluate(isa, GateFunction::kTanh, f), tangent, 5e-7 * std::fabs(tangent) + 1e-12) << f;
    }
    const float infinity = std::numeric_limits<float>::infinity();
    EXPECT_EQ(evaluate(isa, GateFunction::kTanh, infinity), 1);
    EXPECT_EQ(evaluate(isa, GateFunction::kTanh, -infinity), -1);
    EXPECT_EQ(evaluate(isa, GateFunction::kSigmoid, infinity), 1);
    EXPECT_NEAR(evaluate(isa, GateFunction::kSigmoid, -infinity), 0, 1e-37);
    EXPECT_TRUE(std::isnan(evaluate(isa, GateFunction::kTanh, std::nanf(""))));
    EXPECT_TRUE(std::isnan(evaluate(isa, GateFunction::kSigmoid, std::nanf(""))));
    EXPECT_NEAR(evaluate(isa, GateFunction::kTanh, 1e-20f), 1e-20f, 1e-26f);
  }
}

}  // namespace
}  // namespace precis::kernels::simd
