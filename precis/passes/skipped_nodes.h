// What quantization leaves in float, why, and what share of the model that is.
#pragma once

#include <vector>

#include "precis/passes/quantize_placement.h"
#include "precis/passes/quantize_static.h"

namespace precis::passes {

// Float operators that `place` leaves as they are; and, in the bodies of control flow, all operators that
// multiply by weights.
std::vector<SkippedNode> skipped_nodes(const Graph& graph, const Placement& place);

}  // namespace precis::passes
