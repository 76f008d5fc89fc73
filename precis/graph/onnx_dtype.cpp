// Element types by ONNX number: see onnx_dtype.h. Numbers from onnx.proto (IR version 13).
#include "precis/graph/onnx_dtype.h"

#include <iterator>

namespace precis {
namespace {

struct Entry {
  const char* name;
  DType dtype;
};
constexpr Entry kTypes[] = {
    {nullptr, DType::kUndefined},
    {"FLOAT", DType::kF32},
    {"UINT8", DType::kU8},
    {"INT8", DType::kI8},
    {"UINT16", DType::kU16},
    {"INT16", DType::kI16},
    {"INT32", DType::kI32},
    {"INT64", DType::kI64},
    {"STRING", DType::kUndefined},
    {"BOOL", DType::kBool},
    {"FLOAT16", DType::kF16},
    {"DOUBLE", DType::kF64},
    {"UINT32", DType::kU32},
    {"UINT64", DType::kU64},
    {"COMPLEX64", DType::kUndefined},
    {"COMPLEX128", DType::kUndefined},
    {"BFLOAT16", DType::kBF16},
    {"FLOAT8E4M3FN", DType::kUndefined},
    {"FLOAT8E4M3FNUZ", DType::kUndefined},
    {"FLOAT8E5M2", DType::kUndefined},
    {"FLOAT8E5M2FNUZ", DType::kUndefined},
    {"UINT4", DType::kU4},
    {"INT4", DType::kI4},
    {"FLOAT4E2M1", DType::kUndefined},
    {"FLOAT8E8M0", DType::kUndefined},
    {"UINT2", DType::kUndefined},
    {"INT2", DType::kUndefined},
};

bool known(int64_t code) { return code > 0 && code < static_cast<int64_t>(std::size(kTypes)); }

}  // namespace

DType dtype_from_onnx_code(int64_t code) { return known(code) ? kTypes[code].dtype : DType::kUndefined; }

int64_t onnx_code(DType dtype) {
  if (dtype == DType::kUndefined) return 0;
  int64_t code = 1;
  while (kTypes[code].dtype != dtype) ++code;
  return code;
}

const char* onnx_dtype_name(int64_t code) { return known(code) ? kTypes[code].name : nullptr; }

}  // namespace precis
