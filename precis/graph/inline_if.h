// An If whose condition is constant is its branch: the branch's nodes stand in its place.
#pragma once

#include "precis/graph/graph.h"

namespace precis {

// The branch that a closed If (captures.h) of constant condition takes; null for every other node.
const Graph* constant_branch(const Graph& graph, NodeId node);

// Puts that branch in the node's place. Its values, constants and nodes get names of their own where the
// graph has theirs already; the results keep the names of the node's outputs.
void inline_branch(Graph& graph, NodeId node);

}  // namespace precis
