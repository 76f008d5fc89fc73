// HardSwish as exporters write it out: x * HardSigmoid(x), or x * Clip(x + 3, 0, 6) / 6.
#pragma once

#include <vector>

#include "precis/graph/graph.h"

namespace precis::runtime {

// The nodes that together compute HardSwish of `x` and are all its readers, the last one last; empty when
// they are not that. Whether the values between them may disappear is the caller's question.
std::vector<NodeId> match_hard_swish(const Graph& graph, ValueId x);

}  // namespace precis::runtime
