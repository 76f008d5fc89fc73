// Rules that write a node out in older operators, by the definitions of the ONNX operator documents. Each
// returns false, having changed nothing, when the node asks for something that it does not write (a second
// output, a length that is not known).
#pragma once

#include "precis/onnx/node_site.h"

namespace precis::onnx_io {

// expand_pointwise.cpp
bool expand_gelu(NodeSite& site);
bool expand_hard_swish(NodeSite& site);
bool expand_swish(NodeSite& site);
bool expand_layer_norm(NodeSite& site);
bool expand_rms_norm(NodeSite& site);
// expand_attention.cpp
bool expand_attention(NodeSite& site);
bool expand_rotary(NodeSite& site);

}  // namespace precis::onnx_io
