// Changes an ONNX file as what it is: a model of nodes, edges, attributes, types and tensors. Coverage alone
// hardly ever gets past the wire scan and the checks of names with changes of bytes.
#pragma once

#include <string>

#include "fuzz/target.h"
#include "precis/core/rng.h"

namespace precis::fuzz {

// A changed copy of `model`, 1 to 4 changes; unchanged when it is no message. `other` gives parts to splice
// in and may be empty.
std::string mutate_model(Bytes model, Bytes other, Rng& rng);

}  // namespace precis::fuzz
