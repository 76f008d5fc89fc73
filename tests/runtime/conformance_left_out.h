// What of the conformance suite is left out, by name, with the reason.
#pragma once

#include <map>
#include <string>

namespace precis::test {

// Operator ("domain::Op" outside the domain of ONNX itself), or words of the message by which a model is
// refused -> why. A case may go unsupported only by one of these, and each must be met by one at least.
const std::map<std::string, std::string>& left_out();

}  // namespace precis::test
