// Encodings -> operators that compute on integers (QuantFormat::kQOperator), in the forms that ONNX Runtime
// writes and reads: QLinearConv and QLinearMatMul of ONNX, QGemm, QLinearAdd, QLinearMul, QLinearConcat,
// QLinearAveragePool, QLinearGlobalAveragePool, QLinearSigmoid, QLinearLeakyRelu of com.microsoft;
// data-moving operators take the codes. What has no such form keeps its encodings, which qdq_lower.h turns
// into Q/DQ nodes around it.
#pragma once

#include "precis/graph/graph.h"

namespace precis::onnx_io {

void lower_qoperators(Model& model);

}  // namespace precis::onnx_io
