// Operators that an opset does not have yet, written out in operators that it has.
#pragma once

#include "precis/graph/graph.h"

namespace precis::onnx_io {

// Replaces nodes of `graph` (subgraphs included) that are newer than `opset` by the older operators that
// their definition is made of, where there is such a rule; others stay. Added values are named after the
// node's output.
void expand_newer_operators(Graph& graph, int opset);

}  // namespace precis::onnx_io
