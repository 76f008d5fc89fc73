// The protobuf message TensorProto of ONNX, as test_data_set_N/input_i.pb files hold it, read by hand: this
// room knows no protobuf. As strict as the model reader: one data field, exactly as many values as the shape
// says, values in range. Format: onnx.proto3 (message TensorProto) and the protobuf wire format.
#pragma once

#include <span>
#include <string>

#include "precis/core/tensor.h"

namespace precis::data {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// `where` names the file in messages. Errors: kMalformed for broken bytes, counts or values; kUnsupported for
// strings, complex numbers, 8-bit and 4-bit floats, segments and external data.
NamedTensor parse_tensor_proto(std::span<const std::byte> bytes, const std::string& where);
NamedTensor read_tensor_proto(const std::string& path);

}  // namespace precis::data
