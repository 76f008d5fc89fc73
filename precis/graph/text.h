// The text form of graphs that tests are written in (docs/graph_text.md). Example:
//
//   graph net(x: f32[batch,3,8,8]) -> (y) {
//     w: f32[4,3,3,3] = constant(normal, seed=1, scale=0.2)
//     b: f32[4] = [0, 0.5, -1, 2]
//     c = Conv(x, w, b) {pads=[1,1,1,1], strides=[2,2]}     # a comment
//     y = Relu(c)
//   }
//
// Encoded types: `q: f32[...] @ u8(scale=0.1, zp=3)`, per axis `@ s8(axis=0, scale=[0.1,0.2])`.
// Omitted optional inputs are `_`; several outputs `a, b = Split(x) {axis=1}`; own operators
// `precis::Quantize(x)`.
#pragma once

#include <string>
#include <string_view>

#include "precis/graph/graph.h"

namespace precis {

Graph parse_graph(std::string_view text);  // Error(kMalformed) with line and column
// Stable and complete for graphs without subgraphs; tensors of more than 16 elements print as a hash.
std::string print_graph(const Graph& graph);

}  // namespace precis
