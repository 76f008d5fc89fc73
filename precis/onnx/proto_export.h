// Graph -> ModelProto. The graph must hold plain ONNX operators only (qdq_lower.h turns encodings into them
// before).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "precis/graph/graph.h"
#include "precis/onnx/proto_messages.h"

namespace precis::onnx_io {

// Where the bytes of a tensor go when they do not go into the message: fills location, offset and length, or
// returns false to keep them inside. Called in file order.
using TensorSink = std::function<bool(const Tensor& tensor, onnx::TensorProto& out)>;

void export_model(const Model& model, int opset, const TensorSink& sink, onnx::ModelProto& out);

}  // namespace precis::onnx_io
