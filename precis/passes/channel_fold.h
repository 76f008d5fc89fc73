// Shared by the passes that fold y = x * scale[c] + shift[c] into the weights and bias of the node that makes x. Internal.
#pragma once

#include <vector>

#include "precis/graph/graph.h"

namespace precis::passes {

// Output channels of a foldable producer (Conv, ConvTranspose with group 1, Gemm with alpha = beta = 1, BatchNormalization, whose
// factors and summands count as weights and bias) with constant f32 weights and bias, whose result only `reader` uses; 0 when it is not foldable.
int64_t foldable_channels(const Graph& graph, NodeId producer);
// Multiplies the channel's weights and bias by scale[c] and adds shift[c] to the bias (made when missing). New constants are
// named after the old ones; shared ones are copied.
void fold_into_weights(Graph& graph, NodeId producer, const std::vector<double>& scale, const std::vector<double>& shift);

}  // namespace precis::passes
