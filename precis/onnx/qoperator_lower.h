// Which nodes can compute on integers with scales as inputs (QuantFormat::kQOperator), in the forms that ONNX
// Runtime writes and reads: QLinearConv and QLinearMatMul of ONNX; QGemm, QLinearAdd, QLinearMul,
// QLinearConcat, QLinearAveragePool, QLinearGlobalAveragePool, QLinearSigmoid, QLinearLeakyRelu of
// com.microsoft; data-moving operators take the codes. qdq_lower.h makes the integer values; the other nodes
// read and write real ones through Q/DQ.
#pragma once

#include <map>

#include "precis/graph/graph.h"

namespace precis::onnx_io {

// Can this node of a graph with encodings run on the codes of all its encoded inputs and outputs?
bool has_qoperator_form(const Graph& graph, const Node& node);

struct CodeParams {
  ValueId scale, zero_point;  // initializers; no zero point for biases
};

// Rewrites a node whose inputs and outputs are integer values by now. `params` knows the parameters of all of
// them.
void make_qoperator(Graph& graph, NodeId id, const std::map<ValueId, CodeParams>& params);

}  // namespace precis::onnx_io
