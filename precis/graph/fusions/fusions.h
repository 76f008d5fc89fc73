// Operators that exporters write out in parts, found again and put back as one node. Each function does this
// for one operator on one graph whose types are inferred, and tells what it changed and what it refused.
// Passes run them on a model (passes/pass.cpp), the runtime on its own copy of a graph before it is planned,
// so that both see the same forms. Results stay what they were up to the rounding of reordered float
// arithmetic: only f32 is touched, constants must agree, and nothing else may read the values in between.
#pragma once

#include <string>
#include <vector>

#include "precis/graph/graph.h"
#include "precis/graph/op.h"

namespace precis::fusions {

struct FusionResult {
  int changes = 0;
  std::vector<std::string> notes;  // what had the form and stayed, and why
};

FusionResult fuse_attention(Graph& graph);
FusionResult fuse_gelu(Graph& graph);
FusionResult fuse_hard_swish(Graph& graph);
FusionResult fuse_layer_norm(Graph& graph);
FusionResult fuse_rms_norm(Graph& graph);
FusionResult fuse_rotary(Graph& graph);
FusionResult fuse_swish(Graph& graph);

// All of them, in the order that finds most; types are inferred by `options` after each that changed
// something. How many changes; what was refused is not told.
int fuse_all(Graph& graph, const InferOptions& options = {});

}  // namespace precis::fusions
