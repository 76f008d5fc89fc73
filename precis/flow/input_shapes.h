// Shapes of a model's inputs as they are given in words.
#pragma once

#include <string>
#include <vector>

#include "precis/graph/graph.h"

namespace precis::flow {

// "x=1,3,224,224" (or "1,3,224,224" for the only input) -> shapes in input order; inputs that are not named
// keep what they declare, with 1 for what is open. Empty for no specs. Error(kUsage) naming the inputs that
// the model has.
std::vector<Shape> parse_shapes(const std::vector<std::string>& specs, const Graph& graph);

}  // namespace precis::flow
