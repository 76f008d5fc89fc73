// Value types: ONNX <-> Precis. (Element types by number: precis/graph/onnx_dtype.h; the message classes know
// only those up to bfloat16, but keep every number.)
#pragma once

#include <string>

#include "precis/graph/type.h"
#include "precis/onnx/proto_messages.h"

namespace precis::onnx_io {

// What a TypeProto says. dtype stays kUndefined when it is no tensor of a known type; `unsupported` then
// tells what it is
// ("map", "tensor of type STRING" ...).
ValueType import_type(const onnx::TypeProto& type, std::string* unsupported, const std::string& where);
void export_type(const ValueType& type, onnx::TypeProto& out);

}  // namespace precis::onnx_io
