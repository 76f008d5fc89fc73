// Half precision computed in f32. Used where a graph is prepared for quantization (pass widen_f16) and where
// it is compiled for the fast kernels, which know no f16.
#pragma once

#include "precis/graph/graph.h"

namespace precis {

// Before:  x: f16 -> Conv(w: f16) -> y: f16      After:  x: f16 -> Cast(f32) -> Conv(w: f32) -> Cast(f16) ->
// y: f16 The graph is widened as a whole: constants, casts inside, everything; graph inputs and outputs keep
// their names and types behind Casts. f32 computes at least as exactly as f16. Returns how many f16 values
// there were; 0: nothing was changed. Encoded values are left alone.
int64_t widen_half_precision(Graph& graph);

}  // namespace precis
