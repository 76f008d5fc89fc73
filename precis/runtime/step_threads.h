// How many threads work is worth, and how it is cut for them. Starting OpenMP threads costs about as much as
// a microsecond of work, a loop of a team that stands by (with_team) a fraction of that.
#pragma once

#include <span>

#include "precis/graph/graph.h"
#include "precis/runtime/fusion.h"

namespace precis::runtime {

// For a whole plan: 1 when all of it takes less time than threads are worth, else `available`.
int plan_threads(const Graph& graph, std::span<const FusedOp> ops, int available);
// For one of its operations: at least 1, at most `available`.
int step_threads(const Graph& graph, const FusedOp& op, int available);

// Whether the threads of a team gain by sharing each step of a recurrent network that has `macs` products with
// its state: they meet after every one.
bool shares_recurrent_steps(int64_t macs);

// The length of the ranges that n items of equal work are cut into, a multiple of `granule`: as few rounds of
// ranges as can be, and where it costs next to nothing two ranges a thread, so that a thread that is held up
// leaves one to the others. n for one thread.
int64_t range_length(int64_t n, int64_t threads, int64_t granule = 1);

}  // namespace precis::runtime
