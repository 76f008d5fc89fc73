// Bias correction: rounded weights move the mean of an output channel by sum (w_q - w) E[x]; taking that from
// the bias costs nothing at run time. E[x] are the calibrated channel means of the layer's own input.
// Internal to precis/passes.
#pragma once

#include <string>
#include <vector>

#include "precis/core/encoding.h"
#include "precis/graph/graph.h"
#include "precis/quant/range_table.h"

namespace precis::passes {

// Whether the correction knows this operator with these operands: Conv and Gemm (without alpha, beta, transA)
// with constant weights in input 1 and a constant bias that nobody else reads.
bool can_correct_bias(const Graph& graph, const Node& node);

// Mean shift of each output channel that `codes` instead of `weights` cause; empty where the means do not fit
// the layer. Positions in the zero padding of a convolution count as zeros, where the input's lengths are
// known.
std::vector<double> mean_shift(const Graph& graph, const Node& node, const Tensor& weights,
                               const Tensor& codes, const Encoding& encoding,
                               const quant::ChannelSums& input);

}  // namespace precis::passes
