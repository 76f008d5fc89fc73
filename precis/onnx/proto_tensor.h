// TensorProto -> Tensor in every storage form, and back. Nothing is allocated before the stored size was
// compared with the size that type and dimensions ask for.
#pragma once

#include <string>

#include "precis/core/tensor.h"
#include "precis/onnx/external_data.h"
#include "precis/onnx/proto_messages.h"

namespace precis::onnx_io {

struct TensorSource {
  ExternalData* external = nullptr;  // null: there is no folder, external data is refused
  uint64_t dense_budget = 0;         // bytes that sparse tensors may still grow to (tensor reading lowers it)
};

// `where` opens every message ("initializer 'w'"). Errors: kMalformed (contents that contradict type or
// dimensions), kUnsupported (strings, complex, 8-bit floats, segments), kLimit, kIo.
Tensor import_tensor(const onnx::TensorProto& proto, const std::string& where, TensorSource& source);
Tensor import_sparse_tensor(const onnx::SparseTensorProto& proto, const std::string& where,
                            TensorSource& source);

// Type and dimensions; and those with the values as raw_data.
void describe_tensor(const Tensor& tensor, onnx::TensorProto& out);
void export_tensor(const Tensor& tensor, const std::string& name, onnx::TensorProto& out);

}  // namespace precis::onnx_io
