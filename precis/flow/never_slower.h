// --never-slower: leaves the layers float that int8 makes slower on this machine. Internal to precis/flow.
#pragma once

#include "precis/flow/quantize_flow.h"

namespace precis::flow {

// Times float and int8 node by node; each operator with weights whose int8 form is slower gets a rule `NAME.quantize=false`, and
// the float model is quantized again with the ranges at hand. The rules are written into result.recipe, so a replay needs no timing.
void leave_slower_layers_float(const QuantizeRequest& request, Run& run, QuantizeResult& result);

}  // namespace precis::flow
