// Where static quantization puts encodings: which nodes run on codes, which values carry an encoding, and which values share one.
// Pure analysis of the prepared float graph; no ranges are needed. Internal to precis/passes.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "precis/graph/graph.h"
#include "precis/passes/quantize_static.h"

namespace precis::passes {

enum class QuantRole : uint8_t {
  kFloat,       // stays in float
  kHeavy,       // Conv, ConvTranspose, Gemm, MatMul on encoded data (and weights)
  kLight,       // Add, Sub, Mul, Concat on codes
  kAffine,      // BatchNormalization on codes: encoded data, float parameters
  kPool,        // AveragePool, GlobalAveragePool, ReduceMean: encoded input, output encoded where wanted
  kMover,       // output shares the encoding of input 0
  kTable,       // one-input functions, a table over all codes
  kFolded,      // Relu or Clip fused into the node that makes its input
};

struct Placement {
  std::vector<QuantRole> roles;             // by NodeId::index
  std::vector<std::string> reasons;         // by NodeId::index: why a node stays in float ("" otherwise)
  std::vector<char> encoded;                // by ValueId::index: activations that carry an encoding
  std::vector<ValueId> shares_with;         // by ValueId::index: the value whose range decides (itself, or the class's primary)

  QuantRole role(NodeId id) const { return roles[static_cast<size_t>(id.index)]; }
  bool is_encoded(ValueId id) const { return id && encoded[static_cast<size_t>(id.index)]; }
  ValueId primary(ValueId id) const { return shares_with[static_cast<size_t>(id.index)]; }
};

Placement place_quantization(const Graph& graph, const QuantizeOptions& options);

// Index of the weight operand of a heavy node (1, or 0 for MatMul with a constant left side); -1 when both are activations.
int weight_slot(const Graph& graph, const Node& node);
// Output-channel axis of the weight operand; -1 = per tensor.
int weight_axis(const Graph& graph, const Node& node, int slot);

}  // namespace precis::passes
