// The recurrent kernels (recurrent.h), written once for every instruction set over FloatLanes. Included only
// by files compiled for one of them; everything is internal to each (anonymous namespace).
#pragma once

#include <algorithm>
#include <cstring>

#include "precis/kernels/reference/codes.h"
#include "precis/kernels/simd/float_functions.h"
#include "precis/kernels/simd/int8_unroll.h"
#include "precis/kernels/simd/recurrent_tables.h"

namespace precis::kernels::simd {
namespace {

using V = FloatLanes;
using Vector = V::Vector;

// Samples of one step that go through the weights together.
template <int kSamples>
struct Group {
  const float* gates[kSamples];
  const float* h[kSamples];
  float* next[kSamples];
  float* c[kSamples];
  float* reset[kSamples];
  const int16_t* codes[kSamples];  // of the state, where cells have codes
  float scale[kSamples];
};

// sums[sample][block][gate] += R h, over the state in order. `panel`: of the first block.
template <int kGates, int kBlocks, int kSamples>
[[gnu::always_inline]] inline void add_products(const float* panel, int64_t hidden,
                                                const float* const (&h)[kSamples],
                                                Vector (&sums)[kSamples][kBlocks][kGates]) {
  constexpr int64_t kRow = kGates * V::kCount;
  const int64_t block = hidden * kRow;
  for (int64_t k = 0; k < hidden; ++k) {
    Vector state[kSamples];
    unroll<kSamples>([&](auto s) { state[s] = V::set(h[s][k]); });
    unroll<kBlocks>([&](auto b) {
      unroll<kGates>([&](auto gate) {
        const Vector w = V::load(panel + b * block + k * kRow + gate * V::kCount);
        unroll<kSamples>([&](auto s) { sums[s][b][gate] = V::fma(w, state[s], sums[s][b][gate]); });
      });
    });
  }
}

// Blocks that one sample goes through at a time: enough independent sums to hide the latency of each.
template <int kGates, int kSamples>
constexpr int kBlocksAtOnce = std::max(1, V::kSums / (kGates * kSamples));

// start(sample, block, gate) gives a sum's first value; finish(sample, block, sums of its gates) takes the
// result.
template <int kGates, int kBlocks, int kSamples, typename Start, typename Finish>
[[gnu::always_inline]] inline void sweep_blocks(const float* panel, int64_t hidden,
                                                const float* const (&h)[kSamples], int64_t block,
                                                const Start& start, const Finish& finish) {
  Vector sums[kSamples][kBlocks][kGates];
  unroll<kSamples>([&](auto s) {
    unroll<kBlocks>(
        [&](auto b) { unroll<kGates>([&](auto gate) { sums[s][b][gate] = start(s, block + b, gate); }); });
  });
  add_products<kGates, kBlocks, kSamples>(panel + block * hidden * kGates * V::kCount, hidden, h, sums);
  for (int s = 0; s < kSamples; ++s)
    for (int b = 0; b < kBlocks; ++b) finish(s, block + b, sums[s][b]);
}

// Blocks of units, in the order of the packed weights.
struct Blocks {
  int64_t first, last;
};

template <int kGates, int kSamples, typename Start, typename Finish>
void sweep(const RecurrentCell& cell, const float* panel, const float* const (&h)[kSamples], Blocks blocks,
           const Start& start, const Finish& finish) {
  constexpr int kBlocks = kBlocksAtOnce<kGates, kSamples>, kFew = std::min(2, kBlocks);
  int64_t block = blocks.first;
  for (; block + kBlocks <= blocks.last; block += kBlocks)
    sweep_blocks<kGates, kBlocks, kSamples>(panel, cell.hidden, h, block, start, finish);
  for (; block + kFew <= blocks.last; block += kFew)
    sweep_blocks<kGates, kFew, kSamples>(panel, cell.hidden, h, block, start, finish);
  for (; block < blocks.last; ++block)
    sweep_blocks<kGates, 1, kSamples>(panel, cell.hidden, h, block, start, finish);
}

inline Vector apply(const GateFunctionParams& f, Vector x) {
  using reference::GateFunction;
  switch (f.function) {
    case GateFunction::kSigmoid:
      return sigmoid<V>(x);
    case GateFunction::kRelu:
      return V::max(x, V::set(0.0f));
    case GateFunction::kHardSigmoid:
      return V::min(V::max(V::fma(V::set(f.alpha), x, V::set(f.beta)), V::set(0.0f)), V::set(1.0f));
    case GateFunction::kAffine:
      return V::fma(V::set(f.alpha), x, V::set(f.beta));
    default:
      return tangent<V>(x);
  }
}

inline Vector gate(const RecurrentCell& cell, const GateFunctionParams& f, Vector sum) {
  if (cell.clip > 0) sum = V::min(V::max(sum, V::set(-cell.clip)), V::set(cell.clip));
  return apply(f, sum);
}

template <int kSamples>
void rnn_step(const RecurrentCell& cell, const Group<kSamples>& group, Blocks blocks) {
  sweep<1, kSamples>(
      cell, cell.weights, group.h, blocks,
      [&](int s, int64_t block, int) { return V::load(group.gates[s] + block * V::kCount); },
      [&](int s, int64_t block, const Vector(&sums)[1]) {
        V::store(group.next[s] + block * V::kCount, gate(cell, cell.f, sums[0]));
      });
}

// The cell of one block from the sums of its gates.
template <int kSamples>
inline void lstm_cell(const RecurrentCell& cell, const Group<kSamples>& group, int s, int64_t block,
                      const Vector (&sums)[4]) {
  const int64_t at = block * V::kCount;
  const Vector old = V::load(group.c[s] + at);
  const auto peep = [&](int g, Vector c) {
    return cell.peepholes ? V::fma(V::load(cell.peepholes + g * cell.padded + at), c, sums[g]) : sums[g];
  };
  const Vector i = gate(cell, cell.f, peep(0, old));
  const Vector f = cell.input_forget ? V::subtract(V::set(1.0f), i) : gate(cell, cell.f, peep(2, old));
  const Vector c = V::fma(f, old, V::multiply(i, gate(cell, cell.g, sums[3])));
  V::store(group.c[s] + at, c);
  // peepholes lie in the order i, o, f, and so do the first three sums
  V::store(group.next[s] + at, V::multiply(gate(cell, cell.f, peep(1, c)), apply(cell.h, c)));
}

template <int kSamples>
void lstm_step(const RecurrentCell& cell, const Group<kSamples>& group, Blocks blocks) {
  sweep<4, kSamples>(
      cell, cell.weights, group.h, blocks,
      [&](int s, int64_t block, int g) { return V::load(group.gates[s] + (block * 4 + g) * V::kCount); },
      [&](int s, int64_t block, const Vector(&sums)[4]) { lstm_cell(cell, group, s, block, sums); });
}

// The same with the state and its weights in codes.
template <int kSamples>
void code_lstm_step(const RecurrentCell& cell, const Group<kSamples>& group, Blocks blocks) {
  constexpr int64_t kRow = 4 * 2 * V::kCount;
  const int64_t pairs = (cell.hidden + 1) / 2;
  for (int64_t block = blocks.first; block < blocks.last; ++block) {
    const int16_t* panel = cell.codes + block * pairs * kRow;
    V::Sums sums[kSamples][4];
    unroll<kSamples>([&](auto s) { unroll<4>([&](auto g) { sums[s][g] = V::no_sums(); }); });
    for (int64_t k = 0; k < pairs; ++k)
      unroll<kSamples>([&](auto s) {
        int32_t pair;
        std::memcpy(&pair, group.codes[s] + 2 * k, sizeof(pair));
        unroll<4>([&](auto g) {
          sums[s][g] = V::add_pairs(sums[s][g], panel + k * kRow + g * 2 * V::kCount, pair);
        });
      });
    for (int s = 0; s < kSamples; ++s) {
      Vector gates[4];
      unroll<4>([&](auto g) {
        const int64_t at = (block * 4 + g) * V::kCount;
        const Vector scale = V::multiply(V::set(group.scale[s]), V::load(cell.code_scales + at));
        gates[g] = V::add(V::multiply(V::real(sums[s][g]), scale), V::load(group.gates[s] + at));
      });
      lstm_cell(cell, group, s, block, gates);
    }
  }
}

// Centred codes of a state, by its range; gives their scale. Behind the last unit there are zeros.
inline float quantize_state(const RecurrentCell& cell, const float* h, int16_t* codes) {
  Vector low = V::set(0.0f), high = low;
  for (int64_t i = 0; i < cell.padded; i += V::kCount) {
    const Vector v = V::load(h + i);
    low = V::min(low, v);  // NaN is passed over
    high = V::max(high, v);
  }
  float lows[V::kCount], highs[V::kCount], rounded[V::kCount];
  V::store(lows, low);
  V::store(highs, high);
  float least = 0, largest = 0;
  for (int64_t j = 0; j < V::kCount; ++j) {
    least = lows[j] < least ? lows[j] : least;
    largest = highs[j] > largest ? highs[j] : largest;
  }
  const reference::DynamicGrid grid = reference::dynamic_grid_u8(least, largest);
  const auto zero = static_cast<float>(grid.zero_point);
  for (int64_t i = 0; i < cell.padded; i += V::kCount) {
    const Vector t = V::round(V::divide(V::load(h + i), V::set(grid.scale)));
    V::store(rounded, V::min(V::max(t, V::set(-zero)), V::set(255 - zero)));
    for (int64_t j = 0; j < V::kCount; ++j) codes[i + j] = rounded[j] == rounded[j] ? static_cast<int16_t>(rounded[j]) : int16_t{0};
  }
  return grid.scale;
}

// (1 - z) candidate + z h
inline Vector mixed(Vector z, Vector candidate, Vector h) {
  return V::fma(z, V::subtract(h, candidate), candidate);
}

template <int kSamples>
void gru_step_reset_after(const RecurrentCell& cell, const Group<kSamples>& group, Blocks blocks) {
  sweep<3, kSamples>(
      cell, cell.weights, group.h, blocks,
      [&](int s, int64_t block, int g) {
        if (g < 2) return V::load(group.gates[s] + (block * 3 + g) * V::kCount);
        return cell.state_bias ? V::load(cell.state_bias + block * V::kCount) : V::set(0.0f);
      },
      [&](int s, int64_t block, const Vector(&sums)[3]) {
        const Vector z = gate(cell, cell.f, sums[0]), r = gate(cell, cell.f, sums[1]);
        const Vector input = V::load(group.gates[s] + (block * 3 + 2) * V::kCount);
        const Vector candidate = gate(cell, cell.g, V::fma(r, sums[2], input));
        V::store(group.next[s] + block * V::kCount,
                 mixed(z, candidate, V::load(group.h[s] + block * V::kCount)));
      });
}

// The candidate needs the reset state of all units: z waits in `next` until then.
template <int kSamples>
void gru_reset(const RecurrentCell& cell, const Group<kSamples>& group, Blocks blocks) {
  sweep<2, kSamples>(
      cell, cell.weights, group.h, blocks,
      [&](int s, int64_t block, int g) { return V::load(group.gates[s] + (block * 3 + g) * V::kCount); },
      [&](int s, int64_t block, const Vector(&sums)[2]) {
        const int64_t at = block * V::kCount;
        V::store(group.next[s] + at, gate(cell, cell.f, sums[0]));
        V::store(group.reset[s] + at, V::multiply(gate(cell, cell.f, sums[1]), V::load(group.h[s] + at)));
      });
}

template <int kSamples>
void gru_candidate(const RecurrentCell& cell, const Group<kSamples>& group, Blocks blocks) {
  const float* reset[kSamples];
  std::copy(std::begin(group.reset), std::end(group.reset), reset);
  sweep<1, kSamples>(
      cell, cell.weights + 2 * cell.padded * cell.hidden, reset, blocks,
      [&](int s, int64_t block, int) { return V::load(group.gates[s] + (block * 3 + 2) * V::kCount); },
      [&](int s, int64_t block, const Vector(&sums)[1]) {
        const int64_t at = block * V::kCount;
        const Vector z = V::load(group.next[s] + at);
        V::store(group.next[s] + at, mixed(z, gate(cell, cell.g, sums[0]), V::load(group.h[s] + at)));
      });
}

template <int kSamples>
void step(const RecurrentCell& cell, const Group<kSamples>& group, int phase, Blocks blocks) {
  switch (cell.kind) {
    case CellKind::kRnn:
      return rnn_step(cell, group, blocks);
    case CellKind::kGru:
      if (cell.linear_before_reset) return gru_step_reset_after(cell, group, blocks);
      return phase == 0 ? gru_reset(cell, group, blocks) : gru_candidate(cell, group, blocks);
    case CellKind::kLstm:
      return cell.codes ? code_lstm_step(cell, group, blocks) : lstm_step(cell, group, blocks);
  }
}

// All samples of a run, each with its own memory: the state twice (a step reads the one and writes the
// other), the cell, and the reset state of a GRU.
class Runner {
 public:
  Runner(const RecurrentCell& cell, const RecurrentRun& run) : cell_(cell), run_(run) {}

  void begin() const {
    for (int64_t n = 0; n < run_.samples; ++n) begin(n);
  }

  void advance(int64_t s, int phase, Blocks blocks) const {
    int64_t waiting[V::kGroup] = {};
    int count = 0;
    for (int64_t n = 0; n < run_.samples; ++n) {
      if (s >= length(n)) continue;
      waiting[count++] = n;
      if (count < V::kGroup) continue;
      advance<V::kGroup>(s, waiting, phase, blocks);
      count = 0;
    }
    for (int i = 0; i < count; ++i) advance<1>(s, waiting + i, phase, blocks);
  }

  void end() const {
    for (int64_t n = 0; n < run_.samples; ++n) end(n);
  }

 private:
  int64_t length(int64_t n) const { return run_.lengths ? run_.lengths[n] : run_.steps; }
  float* memory(int64_t n, int64_t part) const { return run_.scratch + (n * 4 + part) * cell_.padded; }
  float* state(int64_t n, int64_t step) const { return memory(n, step & 1); }

  void begin(int64_t n) const {
    std::fill_n(memory(n, 0), 4 * cell_.padded, 0.0f);
    if (run_.first_h) std::copy_n(run_.first_h + n * run_.state_sample, cell_.hidden, state(n, 0));
    if (run_.first_c) std::copy_n(run_.first_c + n * run_.state_sample, cell_.hidden, memory(n, 2));
  }

  template <int kSamples>
  void advance(int64_t s, const int64_t* samples, int phase, Blocks blocks) const {
    Group<kSamples> group;
    int64_t t[kSamples];
    for (int i = 0; i < kSamples; ++i) {
      const int64_t n = samples[i];
      t[i] = run_.reverse ? length(n) - 1 - s : s;
      group.gates[i] = run_.gates + t[i] * run_.gates_step + n * run_.gates_sample;
      group.h[i] = state(n, s);
      group.next[i] = state(n, s + 1);
      group.c[i] = memory(n, 2);
      group.reset[i] = memory(n, 3);
      if (cell_.codes == nullptr) continue;
      auto* const codes = reinterpret_cast<int16_t*>(memory(n, 3));
      group.scale[i] = quantize_state(cell_, group.h[i], codes);
      group.codes[i] = codes;
    }
    step(cell_, group, phase, blocks);
    if (run_.y == nullptr || phase + 1 < recurrent_phases(cell_)) return;
    const int64_t first = blocks.first * V::kCount, last = std::min(blocks.last * V::kCount, cell_.hidden);
    for (int i = 0; i < kSamples; ++i)
      std::copy(group.next[i] + first, group.next[i] + last,
                run_.y + t[i] * run_.y_step + samples[i] * run_.y_sample + first);
  }

  void end(int64_t n) const {
    for (int64_t t = length(n); run_.y && t < run_.steps; ++t)
      std::fill_n(run_.y + t * run_.y_step + n * run_.y_sample, cell_.hidden, 0.0f);
    if (run_.last_h) std::copy_n(state(n, length(n)), cell_.hidden, run_.last_h + n * run_.state_sample);
    if (run_.last_c) std::copy_n(memory(n, 2), cell_.hidden, run_.last_c + n * run_.state_sample);
  }

  const RecurrentCell& cell_;
  const RecurrentRun& run_;
};

void begin_recurrent(const RecurrentCell& cell, const RecurrentRun& run) { Runner(cell, run).begin(); }
void end_recurrent(const RecurrentCell& cell, const RecurrentRun& run) { Runner(cell, run).end(); }
void advance_recurrent(const RecurrentCell& cell, const RecurrentRun& run, int64_t step, int phase,
                       int64_t first_block, int64_t last_block) {
  Runner(cell, run).advance(step, phase, {first_block, last_block});
}

void run_recurrent(const RecurrentCell& cell, const RecurrentRun& run) {
  const Runner runner(cell, run);
  runner.begin();
  for (int64_t s = 0; s < run.steps; ++s)
    for (int phase = 0; phase < recurrent_phases(cell); ++phase)
      runner.advance(s, phase, {0, cell.padded / V::kCount});
  runner.end();
}

constexpr RecurrentKernels kRecurrentKernels{V::kCount, run_recurrent, begin_recurrent, advance_recurrent,
                                             end_recurrent};

}  // namespace
}  // namespace precis::kernels::simd
