// Operators on encoded values that no integer kernel computes (LRN, Softmax, a convolution of reals with encoded weights ...): in
// the fast engine's graph they become Dequantize -> the same operator on reals -> Quantize, so that their float part runs by a
// fast kernel and every change between codes and reals is a step that can be seen.
#pragma once

#include "precis/graph/graph.h"

namespace precis::runtime {

// `graph` has concrete types. Values keep their ids, names and encodings; only operators with a fast kernel are taken.
void split_float_islands(Graph& graph);

}  // namespace precis::runtime
