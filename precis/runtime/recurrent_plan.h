// A recurrent node bound to its packed weights, and the step that goes through the sequence: shared by the
// nodes in f32 (lower_recurrent.cpp) and on codes (lower_dynamic_recurrent.cpp). Internal to precis/runtime.
#pragma once

#include <optional>
#include <vector>

#include "precis/kernels/simd/recurrent.h"
#include "precis/runtime/plan_builder.h"
#include "precis/runtime/recurrent_geometry.h"

namespace precis::runtime {

// One cell per direction, and the product that goes before them.
struct Recurrent {
  RecurrentSpec spec;
  RecurrentGeometry geometry;
  const kernels::simd::RecurrentKernels* kernels = nullptr;
  std::vector<kernels::simd::RecurrentCell> cells;
  std::vector<Tensor> kept;  // what the cells point into
  Tensor input_weights,
      input_bias;  // of all directions: [directions * gates * padded, inputs], and one a row
  int64_t width() const { return spec.gates * cells[0].padded; }  // values a step of one direction
};

// `r` has spec, geometry and kernels; gives it cells without weights. False where gates have functions that
// the kernels lack.
bool make_cells(Recurrent& r);
// What the node's constants are packed under in the weight store.
std::string recurrent_key(const PlanBuilder& builder, const FusedOp& op);
// Biases of direction d as the input's product adds them, in the kernel's order; of both sides where they are
// summed.
void pack_input_bias(const Recurrent& r, const Tensor* bias, int64_t d, float* to);
void bind_peepholes(PlanBuilder& builder, const Node& node, const std::string& key, Recurrent& r, int d);
// The steps, from the gates of all steps and samples: [input row][direction][width].
void emit_recurrence(PlanBuilder& builder, const FusedOp& op, Recurrent r, BufferId gates);

}  // namespace precis::runtime
