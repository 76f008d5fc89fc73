// Element types by ONNX number: see onnx_dtype.h. Numbers from onnx.proto (IR version 13).
#include "precis/graph/onnx_dtype.h"

#include <algorithm>
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
    {"FLOAT8E4M3FN", DType::kF8E4M3FN},
    {"FLOAT8E4M3FNUZ", DType::kF8E4M3FNUZ},
    {"FLOAT8E5M2", DType::kF8E5M2},
    {"FLOAT8E5M2FNUZ", DType::kF8E5M2FNUZ},
    {"UINT4", DType::kU4},
    {"INT4", DType::kI4},
    {"FLOAT4E2M1", DType::kF4E2M1},
    {"FLOAT8E8M0", DType::kF8E8M0},
    {"UINT2", DType::kU2},
    {"INT2", DType::kI2},
};

bool known(int64_t code) { return code > 0 && code < static_cast<int64_t>(std::size(kTypes)); }

}  // namespace

DType dtype_from_onnx_code(int64_t code) { return known(code) ? kTypes[code].dtype : DType::kUndefined; }

int64_t onnx_code(DType dtype) {
  if (dtype == DType::kUndefined) return 0;
  const auto at =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const Entry& e) { return e.dtype == dtype; });
  return at == std::end(kTypes) ? 0 : at - std::begin(kTypes);
}

const char* onnx_dtype_name(int64_t code) { return known(code) ? kTypes[code].name : nullptr; }

}  // namespace precis
