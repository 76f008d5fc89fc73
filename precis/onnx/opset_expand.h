// Operators that an opset does not have yet, written out in operators that it has.
#pragma once

#include "precis/graph/graph.h"

namespace precis::onnx_io {

enum class Expand : uint8_t {
  kAll,
  // Only what models of such an opset cannot have brought: the operators that fusions put together
  // (graph/fusions) and those of other domains that the reader turned into ONNX's. HardSwish stays: between
  // codes it is one table, its parts are not, and runtimes know it since long.
  kFused,
};

// Replaces nodes of `graph` (subgraphs included) that are newer than `opset` by the older operators that
// their definition is made of, where there is such a rule; others stay. Added values are named after the
// node's output; their types are inferred. `graph` has inferred types.
void expand_newer_operators(Graph& graph, int opset, Expand which);

}  // namespace precis::onnx_io
