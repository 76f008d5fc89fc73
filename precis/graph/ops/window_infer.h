// Symbolic output shapes of sliding windows, shared by convolutions and pools. Private to graph/ops.
#pragma once

#include "precis/graph/ops/op_helpers.h"
#include "precis/graph/window.h"

namespace precis::ops {

// The number of spatial axes from the first of `inputs` whose rank is known, all of which must have the same
// rank >= 3.
std::optional<int> spatial_axes(const InferContext& ctx, std::initializer_list<size_t> inputs);
// [batch, channels, spatial...] of an input of shape `x` (may be unknown); keeps a symbol where the window
// keeps the length.
SymbolicShape windowed_shape(const InferContext& ctx, const WindowSpec& spec, const SymbolicShape& x,
                             const Dim& channels,
                             WindowAxis (*axis_rule)(const WindowSpec&, int, int64_t, const std::string&));

}  // namespace precis::ops
