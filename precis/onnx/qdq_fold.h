// QuantizeLinear / DequantizeLinear nodes -> encodings of values, where all readers see it.
//
//   Before:  Conv -> v -> QuantizeLinear -> q -> DequantizeLinear -> d -> Add      w_q (i8) ->
//   DequantizeLinear -> w -> Conv After:   Conv -> v @ u8(scale, zero point) -> Add w @ s8(scales) -> Conv
//
// Conditions: scale and zero point are constants, scales are finite and positive; integer values between Q
// and DQ are read by DQs with the same parameters only, or move through data-moving operators (MaxPool,
// Reshape, Transpose ...) to such DQs. A value that others read in float keeps its float form and gets an
// explicit precis::Quantize; a graph output that a DQ makes gets an explicit precis::Dequantize. What does
// not meet the conditions stays as it is.
#pragma once

#include "precis/graph/graph.h"

namespace precis::onnx_io {

struct FoldResult {
  int folded = 0;  // Q and DQ nodes that became encodings
  int kept = 0;    // Q and DQ nodes that stayed
};

FoldResult fold_qdq(Graph& graph);  // subgraphs included

}  // namespace precis::onnx_io
