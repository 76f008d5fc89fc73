// The rounding of a convolution's result in front of a sum, written twice. Internal to precis/passes.
#pragma once

#include "precis/graph/graph.h"
#include "precis/passes/quantize_placement.h"

namespace precis::passes {

// OpenVINO fuses a convolution, the pair of Quantize and Dequantize behind it, a sum and the sum's Quantize
// into one operation and leaves out the first rounding there: one code in six of the sum then differs by one
// from what the file says. Of two equal pairs it leaves out one. Everybody else takes the second, which
// converts codes into the same codes, away when the file is read.
void round_before_sums(Graph& graph, const Placement& place);

}  // namespace precis::passes
