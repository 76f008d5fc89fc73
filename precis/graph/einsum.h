// The equation of an Einsum: which label each dimension of each operand has. Repeated labels are summed over
// (or, within one operand, name its diagonal) unless the output keeps them.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace precis {

struct EinsumLabels {
  std::vector<std::vector<int>> inputs;  // a label per dimension
  std::vector<int> output;
  // Labels from here on stand for the dimensions of an ellipsis: they broadcast, letters do not.
  static constexpr int kFirstOfEllipsis = 52;
};

// For operands of these ranks. Error(kMalformed) that opens with `where`.
EinsumLabels parse_einsum(const std::string& equation, std::span<const int> ranks, const std::string& where);

}  // namespace precis
