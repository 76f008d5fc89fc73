// The iterative validator: every rule that a well-formed graph keeps, checked without recursion over the
// input.
#pragma once

#include <string>
#include <vector>

#include "precis/graph/graph.h"

namespace precis {

struct Problem {
  enum class Level { kError, kWarning };
  Level level = Level::kError;
  ErrorCode code = ErrorCode::kMalformed;  // kUnsupported for unknown operators, kLimit for limits
  std::string where;                       // "node 'conv1' (Conv)", "initializer 'w'", "model"
  std::string message;                     // what was found, what was expected, what to do
};

// All problems in one go: structure (names, order, cycles, producers), then operators (schema, attributes,
// shapes).
std::vector<Problem> find_problems(const Model& model);
// Throws the first error as Error; when unknown operators are among the problems, one Error(kUnsupported)
// names them all.
void validate(const Model& model);

}  // namespace precis
