// Closed bodies. A subgraph of ONNX reads values of the graphs around it by their names ("captures" them).
// Closed, it gets them as inputs, and the node that holds it lists them behind its own inputs, so that use
// lists, passes and plans see every reader:
//
//   y = If(c) {then_branch=graph() -> (t) { t = Relu(x) }, ...}
//     =>  y = precis::If(c, x) {captures=1, then_branch=graph(x) -> (t) { t = Relu(x) }, ...}
//
// All bodies of one node get the same captured inputs. Files hold the open form only.
#pragma once

#include "precis/graph/graph.h"

namespace precis {

enum class OuterConstants { kAsInputs, kCopied };  // copied: every body holds the constants that it reads

// Does the graph hold nodes with subgraphs?
bool has_subgraphs(const Graph& graph);
bool has_subgraph(const Node& node);
// How many of the last inputs of a node are captured values of its closed bodies.
size_t closed_inputs(const Node& node);

// Closes all bodies of `graph`, at any depth. Error(kMalformed) naming a captured value that no graph has.
void close_subgraphs(Graph& graph, OuterConstants constants);
// The way back. Values of bodies whose names are taken in a graph around them get new ones.
void open_subgraphs(Graph& graph);

// Captured values named `from`, in the bodies of `graph` at any depth, are named `to` afterwards.
void rename_captures(Graph& graph, const std::string& from, const std::string& to);

}  // namespace precis
