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
// `precis::Quantize(x)`. A node is named after its first output unless `as name` follows. Names that are no
// plain words stand in quotes.
#pragma once

#include <string>
#include <string_view>

#include "precis/graph/graph.h"

namespace precis {

Graph parse_graph(std::string_view text);  // Error(kMalformed) with line and column
// Stable, and complete for tensors of at most `max_elements` elements: larger ones print as a hash that
// cannot be read back.
std::string print_graph(const Graph& graph, int64_t max_elements = 16);

}  // namespace precis
