// Channel shuffle: Reshape [N, g, c, ...] -> Transpose -> Reshape deals the channels of N, C, H, W out anew. Three nodes that are
// one permutation of channels, which in channels last needs no change of layout.
#pragma once

#include <optional>
#include <vector>

#include "precis/graph/graph.h"

namespace precis::runtime {

struct ChannelShuffle {
  std::vector<NodeId> following;  // the Transpose and the second Reshape
  int64_t groups = 1;             // channel a * (C / groups) + b goes to b * groups + a
  ValueId output;
};
// The shuffle that starts with the Reshape `first`; its inner values are read once and are no graph outputs.
std::optional<ChannelShuffle> match_channel_shuffle(const Graph& graph, NodeId first);

}  // namespace precis::runtime
