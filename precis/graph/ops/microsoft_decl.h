// The form in which the operators of domain com.microsoft are declared (microsoft_*.cpp).
#pragma once

#include <utility>
#include <vector>

#include "precis/graph/op.h"

namespace precis::ops {

// `least` to `most` inputs, one to `outputs` outputs.
inline OpDecl microsoft_decl(const char* op, int least, int most, int outputs, void (*infer)(InferContext&),
                             std::vector<AttrDecl> attributes = {}) {
  return {.domain = kMicrosoft,
          .op = op,
          .min_inputs = least,
          .max_inputs = most,
          .max_outputs = outputs,
          .attributes = std::move(attributes),
          .infer = infer};
}

}  // namespace precis::ops
