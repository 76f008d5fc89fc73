// Results whose shape follows from what an input holds: before the run only the model's declaration says it.
// Plans are made for what is declared; both engines refuse a run that comes out otherwise.
#pragma once

#include <string>

#include "precis/graph/graph.h"

namespace precis::runtime {

// A Reshape, Expand, Squeeze or Unsqueeze whose shape or axes are computed.
bool follows_contents(const Graph& graph, const Node& node);

// Error(kMalformed) for output `i` of `node`.
[[noreturn]] void fail_declared(const Node& node, size_t i, const Shape& found, const std::string& declared);
// The same where known lengths of `declared`, or its rank, differ from what was found.
void check_declared(const Node& node, size_t i, const Shape& found, const SymbolicShape& declared);

}  // namespace precis::runtime
