// Half-precision models are quantized from f32: see graph/widen_half.h.
#include "precis/graph/widen_half.h"
#include "precis/passes/pass_list.h"

namespace precis::passes {

PassResult widen_f16(Model& model) {
  PassResult result;
  result.changes = static_cast<int>(widen_half_precision(model.graph));
  return result;
}

}  // namespace precis::passes
