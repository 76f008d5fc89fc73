// Packing for the recurrent kernels, and which instruction set has them.
#include "precis/kernels/simd/recurrent.h"

#include <algorithm>

#include "precis/kernels/simd/recurrent_tables.h"

namespace precis::kernels::simd {
namespace {

// Gates [first, first + count) of R as [block][k][gate][lane].
float* pack_panel(const RecurrentCell& cell, int64_t lanes, int64_t first, int64_t count, const float* from,
                  float* to) {
  for (int64_t unit = 0; unit < cell.padded; unit += lanes)
    for (int64_t k = 0; k < cell.hidden; ++k)
      for (int64_t gate = first; gate < first + count; ++gate)
        for (int64_t j = unit; j < unit + lanes; ++j)
          *to++ = j < cell.hidden ? from[(gate * cell.hidden + j) * cell.hidden + k] : 0.0f;
  return to;
}

}  // namespace

const RecurrentKernels* recurrent_kernels_for(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx2:
    case Isa::kAvx2Vnni:
      return recurrent_avx2();
    case Isa::kAvx512:
    case Isa::kAvx512Vnni:
      return recurrent_avx512();
#endif
    default:
      return nullptr;
  }
}

bool has_vector_form(const GateFunctionParams& function) {
  using reference::GateFunction;
  switch (function.function) {
    case GateFunction::kSigmoid:
    case GateFunction::kTanh:
    case GateFunction::kRelu:
    case GateFunction::kHardSigmoid:
    case GateFunction::kAffine:
      return true;
    default:
      return false;
  }
}

int64_t gate_count(CellKind kind) { return kind == CellKind::kRnn ? 1 : kind == CellKind::kGru ? 3 : 4; }

void pack_gate_rows(int64_t gates, int64_t hidden, int64_t padded, int64_t lanes, const float* from,
                    float* to) {
  for (int64_t unit = 0; unit < padded; unit += lanes)
    for (int64_t gate = 0; gate < gates; ++gate)
      for (int64_t j = unit; j < unit + lanes; ++j) *to++ = j < hidden ? from[gate * hidden + j] : 0.0f;
}

int64_t state_codes_size(const RecurrentCell& cell) {
  return gate_count(cell.kind) * cell.padded * ((cell.hidden + 1) / 2 * 2);
}

void pack_state_codes(const RecurrentCell& cell, int64_t lanes, const int16_t* from, int16_t* to) {
  const int64_t rows = gate_count(cell.kind) * cell.hidden;
  for (int64_t unit = 0; unit < cell.padded; unit += lanes)
    for (int64_t k = 0; k < cell.hidden; k += 2)
      for (int64_t gate = 0; gate < gate_count(cell.kind); ++gate)
        for (int64_t j = unit; j < unit + lanes; ++j)
          for (int64_t i = k; i < k + 2; ++i)
            *to++ = j < cell.hidden && i < cell.hidden ? from[i * rows + gate * cell.hidden + j] : int16_t{0};
}

void pack_state_weights(const RecurrentCell& cell, int64_t lanes, const float* from, float* to) {
  const int64_t gates = gate_count(cell.kind);
  const bool apart = cell.kind == CellKind::kGru && !cell.linear_before_reset;
  to = pack_panel(cell, lanes, 0, apart ? 2 : gates, from, to);
  if (apart) pack_panel(cell, lanes, 2, 1, from, to);
}

}  // namespace precis::kernels::simd
