// What each version of each ONNX operator (domain "") accepts: counts, element types, attributes with their
// defaults. The reader uses it to refuse operators that their opset does not have, the writer to find the
// lowest opset that can say what a node says. The data is generated (op_versions_data.inc).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "precis/core/dtype.h"

namespace precis::onnx_io {

struct OpVersion {
  const char* op;
  int since;
  int usable;                               // 0: deprecated from this version on
  int min_inputs, max_inputs, max_outputs;  // 255 = any number
  std::array<uint32_t, 9>
      input_types;  // bit (DType - 1) per formal input; 0 = no tensor, or no further input
  std::array<uint32_t, 5> output_types;
  const char* attributes;  // "axis=0 keepdims=1 perm": names, with the default where the schema has one
};

// The version of `op` in force at `opset`; null when the operator does not exist there (or is deprecated).
const OpVersion* op_version(std::string_view op, int opset);
// The opsets in which the operator first and last exists; {0, 0} for operators that ONNX never had.
struct OpLifetime {
  int first = 0, last = 0;
};
OpLifetime op_lifetime(std::string_view op);

// Does the version take values of `dtype` as input / output i? True for unknown types.
bool takes_input(const OpVersion& version, size_t i, DType dtype);
bool gives_output(const OpVersion& version, size_t i, DType dtype);

struct AttributeFact {
  bool known = false;
  std::string_view default_value;  // "" when the schema has none
};
AttributeFact find_attribute(const OpVersion& version, std::string_view name);

}  // namespace precis::onnx_io
