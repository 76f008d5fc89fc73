// One value in the place of another. Internal to precis/passes.
#pragma once

#include "precis/graph/graph.h"

namespace precis::passes {

// `to`, which is equal to `from`, is read wherever `from` was, and takes over its name where that is an
// output of the graph: names of inputs and outputs never change. False, and nothing is done, where both names
// have to stay, or where an output would become a constant or an input. The node that made `from` is left to
// the caller.
bool stand_in(Graph& graph, ValueId from, ValueId to);

}  // namespace precis::passes
