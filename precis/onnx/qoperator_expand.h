// Operators that compute on integers with scales as inputs (QLinearConv, QLinearMatMul, and the com.microsoft
// family QLinearAdd, QGemm ...) become DequantizeLinear + the operator + QuantizeLinear, which qdq_fold.h
// then turns into encodings. ConvInteger and MatMulInteger stay: they have no scales.
#pragma once

#include "precis/graph/graph.h"

namespace precis::onnx_io {

void expand_qoperators(Graph& graph);  // subgraphs included

}  // namespace precis::onnx_io
