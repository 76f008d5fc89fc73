// The parameters of a QuantizeLinear or DequantizeLinear node, and their relation to Encoding.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "precis/graph/graph.h"

namespace precis::onnx_io {

struct QdqParams {
  DType code = DType::kUndefined;       // type of the integers
  DType expressed = DType::kUndefined;  // type of the real side
  Shape scale_shape;
  std::vector<float> scales;
  std::vector<int32_t> zero_points;  // empty: all zero
  int64_t axis = 1;                  // only meaningful for scales of one dimension and more
  int64_t block_size = 0;
  bool per_tensor() const { return scales.size() == 1; }
  bool operator==(const QdqParams&) const = default;
};

// nullopt when they are computed, out of range (scale not finite or not positive) or of a kind that encodings
// cannot hold.
std::optional<QdqParams> read_qdq_params(const Graph& graph, const Node& node);

// nullopt when the encoding of a value of this shape cannot be told (unknown shape, counts that do not fit).
std::optional<Encoding> encoding_of(const QdqParams& params, const SymbolicShape& shape);

// The inverse, for a value of type `type`; Error(kUnsupported) naming the value when ONNX has no way to say
// it.
QdqParams params_of(const ValueType& type, const std::string& value_name);

// The scale and zero point initializers that `params` ask for.
Tensor scale_tensor(const QdqParams& params);
Tensor zero_point_tensor(const QdqParams& params);

}  // namespace precis::onnx_io
