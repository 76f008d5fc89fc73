// Recurrent networks in f32: the part that must go step by step. What the input brings to the gates of all
// steps comes ready, as one matrix product; here the products with the state are added and the gates are
// applied at once. Units lie in blocks of `lanes`, and within a block gate by gate, so that a block's gates
// are whole vectors. Every sum runs over the state in order, whatever else is computed beside it: results do
// not depend on threads or on how samples are grouped. The caller splits the samples, or the units of every
// step, and runs them on its threads; nothing is allocated.
#pragma once

#include <cstdint>

#include "precis/core/isa.h"
#include "precis/kernels/reference/recurrent.h"

namespace precis::kernels::simd {

using reference::CellKind;
using reference::GateFunctionParams;

// One direction of one network, bound to its packed weights.
struct RecurrentCell {
  CellKind kind = CellKind::kLstm;
  int64_t hidden = 0, padded = 0;  // padded: whole blocks
  float clip = 0;                  // as reference::RecurrentParams
  bool linear_before_reset = false, input_forget = false;
  GateFunctionParams f, g, h;
  const float* weights = nullptr;     // pack_state_weights()
  const float* state_bias = nullptr;  // GRU with linear_before_reset: of the candidate [padded]; may be null
  const float* peepholes = nullptr;   // LSTM: [3][padded], i, o, f; null: none
  // LSTM whose state is quantized in every step, for each sample by itself (u8, by its range): weights as
  // centred codes, in place of `weights`, and one scale a row as pack_gate_rows() has them. Sums are exact.
  const int16_t* codes = nullptr;  // pack_state_codes(); null: none
  const float* code_scales = nullptr;
};

// Samples that run together.
struct RecurrentRun {
  int64_t steps = 0, samples = 0;
  const float* gates = nullptr;  // what the input brings, biases included: gates * padded values a step
  int64_t gates_step = 0, gates_sample = 0;
  const int32_t* lengths = nullptr;  // null: all steps
  bool reverse = false;
  const float *first_h = nullptr, *first_c = nullptr;        // null: zeros
  float *last_h = nullptr, *last_c = nullptr, *y = nullptr;  // null: not wanted
  int64_t state_sample = 0, y_step = 0, y_sample = 0;
  float* scratch = nullptr;  // recurrent_scratch() floats
};

// `run` does it all. For threads that share the units of one network it comes in pieces: `begin`, then for
// each step its recurrent_phases() one after the other, each over all blocks of `lanes` units in any cut,
// then `end`.
struct RecurrentKernels {
  int64_t lanes;
  void (*run)(const RecurrentCell& cell, const RecurrentRun& run);
  void (*begin)(const RecurrentCell& cell, const RecurrentRun& run);
  void (*advance)(const RecurrentCell& cell, const RecurrentRun& run, int64_t step, int phase,
                  int64_t first_block, int64_t last_block);
  void (*end)(const RecurrentCell& cell, const RecurrentRun& run);
};

// A GRU that resets before the product needs the reset state of all units for its candidate.
inline int recurrent_phases(const RecurrentCell& cell) {
  return cell.kind == CellKind::kGru && !cell.linear_before_reset ? 2 : 1;
}

// Null for instruction sets that have none.
const RecurrentKernels* recurrent_kernels_for(Isa isa);
// Whether the kernels have the function.
bool has_vector_form(const GateFunctionParams& function);

int64_t gate_count(CellKind kind);
inline int64_t recurrent_scratch(const RecurrentCell& cell, int64_t samples) {
  return samples * 4 * cell.padded;
}

// Rows of ONNX's order [gate][hidden] as [block][gate][lane], zero where there is no unit: for biases,
// peepholes and the columns of the input's weights. `to`: gates * padded values.
void pack_gate_rows(int64_t gates, int64_t hidden, int64_t padded, int64_t lanes, const float* from,
                    float* to);
// R [hidden, gates * hidden] as centred codes in pairs along k: [block][k / 2][gate][lane][2].
int64_t state_codes_size(const RecurrentCell& cell);
void pack_state_codes(const RecurrentCell& cell, int64_t lanes, const int16_t* from, int16_t* to);
// R [gates * hidden, hidden] as [block][k][gate][lane]. A GRU that resets before the product has the
// candidate's block by itself behind the other two. `to`: gates * padded * hidden values.
void pack_state_weights(const RecurrentCell& cell, int64_t lanes, const float* from, float* to);

}  // namespace precis::kernels::simd
