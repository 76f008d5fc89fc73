// How many threads work is worth: waking a team costs about as much as a microsecond of work, and a good deal
// more when the other cores are busy with something else.
#pragma once

#include <span>

#include "precis/graph/graph.h"
#include "precis/runtime/fusion.h"

namespace precis::runtime {

// For a whole plan: 1 when all of it takes less time than threads are worth, else `available`.
int plan_threads(const Graph& graph, std::span<const FusedOp> ops, int available);
// For one of its operations: at least 1, at most `available`.
int step_threads(const Graph& graph, const FusedOp& op, int available);

}  // namespace precis::runtime
