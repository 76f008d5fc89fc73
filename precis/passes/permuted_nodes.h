// What operators become when their data come in another order of dimensions: for passes that move
// transpositions. A permutation is as in Transpose: dimension i of the result is dimension perm[i] of the
// data.
#pragma once

#include <optional>
#include <vector>

#include "precis/graph/graph.h"

namespace precis::passes {

using Permutation = std::vector<int64_t>;

// Of a Transpose node; nullopt for others, where the rank is not known, and where the node quantizes, too.
std::optional<Permutation> permutation_of(const Graph& g, const Node& n);
bool is_identity(const Permutation& perm);
// `second` after `first`.
Permutation combined(const Permutation& first, const Permutation& second);

// The inputs of a node that carry data with dimensions; the others are its parameters. Empty when a
// permutation by `perm` of all of them cannot be moved behind the node: unknown operators, parameters that
// are computed, ranks that differ.
std::vector<size_t> permutable_inputs(const Graph& g, const Node& n, const Permutation& perm);
// The node's attributes and parameters for data before the permutation: axes are renamed, pads reordered,
// constants among the data laid out anew. Its inputs are exchanged by the caller. For nodes that have
// permutable inputs.
void rename_axes(Graph& g, NodeId id, const Permutation& perm);

}  // namespace precis::passes
