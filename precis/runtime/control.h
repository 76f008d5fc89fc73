// If, Loop, Scan and SequenceMap: which body runs when and on what, for both engines. Bodies are closed
// (graph/captures.h): they read nothing but their inputs. Internal to precis/runtime.
#pragma once

#include <functional>
#include <string>

#include "precis/runtime/reference_support.h"

namespace precis::runtime {

// Is it one of these operators, with closed bodies?
bool is_control(const Node& node);

// Runs the body that an attribute of the node holds.
using RunBody = std::function<Tensors(const std::string& attribute, Inputs inputs)>;

// The node on the tensors of its inputs (codes for encoded ones), its outputs likewise. Steps count against
// limits().max_loop_steps and max_loop_seconds: Error(kLimit) naming the node.
Tensors run_control(const Graph& graph, const Node& node, Inputs inputs, const RunBody& run);

}  // namespace precis::runtime
