// Multiply-accumulates of a whole graph.
#pragma once

#include <cstdint>
#include <vector>

#include "precis/graph/graph.h"

namespace precis {

struct MacCount {
  std::vector<int64_t> by_node;  // by node id; 0 where shapes stay unknown
  int64_t total = 0;
};

// Of one sample: input dimensions that the model leaves open count as 1.
MacCount count_macs(const Graph& graph);

}  // namespace precis
