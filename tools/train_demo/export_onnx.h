// Writes the demo network as an ONNX file, built node by node from ONNX's message classes.
// Knows no libtorch: it gets the trained numbers as a table of named arrays.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace train_demo {

struct Weight {
  std::vector<std::int64_t> shape;
  std::vector<float> values;  // row-major
};

// Sorted by name, so that everything made from it has one order.
using WeightTable = std::map<std::string, Weight>;

// The serialized model: opset 13, input `image` f32 [N,1,28,28], output `logits` f32 [N,10], batch
// normalization left as nodes of its own. The same weights give the same bytes. Throws std::runtime_error for
// a missing weight.
std::string onnx_bytes(const WeightTable& weights);

}  // namespace train_demo
