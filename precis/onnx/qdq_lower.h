// Encodings -> QuantizeLinear / DequantizeLinear nodes, the inverse of qdq_fold.h: one pair per encoded
// tensor, shared by all its readers, named after the tensor. For an encoded tensor T: nodes T/Q and T/DQ,
// initializers T/scale and T/zp, codes T/quantized. A T made by a node keeps its name for the float result
// and its readers take T/dequantized; a T made by precis::Quantize or a constant keeps its name for the
// dequantized side.
#pragma once

#include "precis/graph/graph.h"
#include "precis/onnx/onnx_io.h"

namespace precis::onnx_io {

// With QuantFormat::kQOperator, nodes that have an integer form (qoperator_lower.h) read and write the codes
// instead. Error(kUnsupported) naming the value whose encoding ONNX cannot say.
void lower_encodings(Graph& graph, QuantFormat format, WriteOptions::BiasForm bias);
// True when some value of the graph or its subgraphs is encoded.
bool has_encodings(const Graph& graph);

}  // namespace precis::onnx_io
