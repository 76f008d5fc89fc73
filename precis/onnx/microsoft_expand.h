// Operators of domain com.microsoft, as ONNX Runtime's optimizers and quantizers write them, in ONNX's own
// operators: what follows (encodings, passes, kernels, writing) knows only those.
//
//   FusedConv(x, w, b, z){Relu}  =>  Conv -> Add(z) -> Relu        MatMulNBits  =>  DequantizeLinear in
//   blocks -> MatMul
//
// Operators on codes with parameters of their own (QLinearAdd ...) are left to expand_qoperators(), but for
// forms that it does not know (channels last, the older softmax), which become known ones here.
// DynamicQuantizeLSTM stays: it has a kernel.
#pragma once

#include "precis/graph/graph.h"

namespace precis::onnx_io {

// Subgraphs included. Error(kMalformed) for a node that its declaration refuses, kUnsupported for a form that
// has no counterpart.
void expand_microsoft(Graph& graph);

}  // namespace precis::onnx_io
