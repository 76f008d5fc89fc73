// The order of the fusions: a normalization before what it would leave for another (a LayerNormalization
// holds the form of an RMSNormalization), parts of attention before the whole.
#include "precis/graph/fusions/fusions.h"

namespace precis::fusions {

namespace {

using Fusion = FusionResult (*)(Graph&);

int run(Graph& graph, std::initializer_list<Fusion> fusions, const InferOptions& options) {
  int changes = 0;
  for (const Fusion fuse : fusions) {
    const int found = fuse(graph).changes;
    if (found == 0) continue;
    graph.sort();
    infer_types(graph, options);
    changes += found;
  }
  return changes;
}

}  // namespace

int fuse_all(Graph& graph, const InferOptions& options) {
  int changes = run(graph, {fuse_hard_swish, fuse_gelu, fuse_swish, fuse_layer_norm, fuse_rms_norm}, options);
  // What one layer's attention tells about lengths, the next one's needs.
  while (const int layers = run(graph, {fuse_rotary, fuse_attention}, options)) changes += layers;
  return changes;
}

}  // namespace precis::fusions
