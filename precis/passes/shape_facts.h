// What is certain of the shapes in a graph. Internal to precis/passes.
#pragma once

#include "precis/graph/op.h"

namespace precis::passes {

// Inference from the inputs alone: shapes that the file declares for values inside are hints that may be
// wrong, and two dimensions that only share a declared name need not be equal. Free dimensions of inputs that
// have no name get one of their own, so that shape code which copies them is understood. Types by value id of
// `graph`.
Inference shape_facts(const Graph& graph);

// Are the two shapes equal, dimension by dimension, whatever the free lengths are?
bool same_shape(const SymbolicShape& a, const SymbolicShape& b);

// The constant target that makes Reshape turn a tensor of shape `from` into `to`: at most one -1, and 0 for
// dimensions that are copied from the same place. nullopt where that cannot be said. (A free dimension of
// length 0 beside a -1 is refused by Reshape; no real model is run on empty tensors.)
std::optional<Tensor> reshape_target(const SymbolicShape& from, const std::vector<PartialElement>& to);
std::vector<PartialElement> elements_of(const std::vector<Dim>& dims);

}  // namespace precis::passes
