// The order of the fusions: a normalization before what it would leave for another (a LayerNormalization
// holds the form of an RMSNormalization), parts of attention before the whole.
#include "precis/graph/fusions/fusions.h"

namespace precis::fusions {

int fuse_all(Graph& graph, const InferOptions& options) {
  int changes = 0;
  for (const auto fuse : {fuse_hard_swish, fuse_gelu, fuse_swish, fuse_layer_norm, fuse_rms_norm, fuse_rotary,
                          fuse_attention}) {
    const int found = fuse(graph).changes;
    if (found == 0) continue;
    graph.sort();
    infer_types(graph, options);
    changes += found;
  }
  return changes;
}

}  // namespace precis::fusions
