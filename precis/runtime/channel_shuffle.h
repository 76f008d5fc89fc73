// The channel shuffle of grouped networks: Reshape (N, g, k, ...), Transpose of g and k, Reshape back. As one
// step it stays in the channels-last layout, where the three nodes apart would each want row-major values.
#pragma once

#include <vector>

#include "precis/graph/graph.h"

namespace precis::runtime {

// The Transpose and the second Reshape, when `first` starts a channel shuffle; empty otherwise. What lies
// between is not looked at from outside as far as the graph tells.
std::vector<NodeId> match_channel_shuffle(const Graph& graph, NodeId first);

}  // namespace precis::runtime
