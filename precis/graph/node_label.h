// What a node goes by where people read of it, and where names are made from it.
#pragma once

#include <string>

#include "precis/graph/graph.h"

namespace precis {

// Its name; unnamed nodes go by the first result that is not omitted. Empty when there is none.
std::string node_label(const Graph& graph, const Node& node);

}  // namespace precis
