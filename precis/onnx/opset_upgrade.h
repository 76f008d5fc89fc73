// Brings the operators of a model as read (opsets 1 to 27) to the canonical opset, without changing what it
// computes: attributes that became inputs, defaults that changed, operators that were replaced. One small
// rule per change (upgrade_*.cpp), found by operator name; nothing else is touched.
#pragma once

#include "precis/graph/graph.h"

namespace precis::onnx_io {

// Error(kMalformed): an operator that its opset does not have; Error(kUnsupported): an old form without a
// canonical one.
void upgrade_model(Model& model);

}  // namespace precis::onnx_io
