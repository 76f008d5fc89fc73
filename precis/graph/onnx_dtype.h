// The numbers by which ONNX names element types (TensorProto.DataType): attributes like Cast's `to` hold
// them.
#pragma once

#include <cstdint>

#include "precis/core/dtype.h"

namespace precis {

// kUndefined for numbers that name no type, or one that Precis does not have (strings, complex, 8-bit and
// 4-bit floats).
DType dtype_from_onnx_code(int64_t code);
int64_t onnx_code(DType dtype);
// "FLOAT8E4M3FN" ... for every number that ONNX defines; null for others.
const char* onnx_dtype_name(int64_t code);

}  // namespace precis
