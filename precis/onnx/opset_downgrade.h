// The inverse of opset_upgrade.h, one node at a time: how a canonical node is written in an older opset, and
// which opset is the lowest that can say everything a graph says.
#pragma once

#include <optional>
#include <string>

#include "precis/graph/graph.h"

namespace precis::onnx_io {

// Runtimes of today read nothing below this opset.
inline constexpr int kLowestWrittenOpset = 7;

// Which older forms are welcome. Inputs that an older opset had as attributes can be written so, but then the
// constant's name is lost; without being asked for an opset, only models that came from such an opset are
// written that way.
struct FormPolicy {
  int source_opset = 0;  // forms of opsets up to this one are welcome; 0 = all
};

// `node` of `graph` as `opset` writes it: inputs may have become attributes, the operator's name may differ.
// nullopt when that opset cannot say it; `why` then tells the reason.
std::optional<Node> node_at_opset(const Graph& graph, const Node& node, int opset, const FormPolicy& policy,
                                  std::string* why);

// The lowest opset >= `floor` in which all nodes, subgraphs included, can be written. Error(kUnsupported)
// naming the node that none can say.
int lowest_opset(const Graph& graph, int floor, const FormPolicy& policy);

}  // namespace precis::onnx_io
