// The reference engine: a whole graph, node by node in graph order, each by its reference operator. No
// fusion, no plan; a value's memory is released after its last use.
#pragma once

#include <span>
#include <vector>

#include "precis/graph/graph.h"
#include "precis/runtime/session.h"

namespace precis::runtime {

// Inputs in the order of graph.inputs() (codes for encoded ones), outputs in the order of graph.outputs().
// `tap` sees the inputs, then every computed value, in execution order.
// Errors: kUsage naming an input whose dtype or shape does not fit, else those of run_reference_node.
std::vector<Tensor> run_reference(const Graph& graph, std::span<const Tensor> inputs,
                                  const TapFunction& tap = {});

}  // namespace precis::runtime
