// The reference operators: every operator of the canonical opset that Precis can run, as one plain function
// from a node and its input tensors to its output tensors (reference_ops_<family>.cpp hold the adapters,
// precis/kernels/reference the arithmetic). Slow, sequential, deterministic: the truth that every faster path
// is compared with, and the path that runs whatever has no faster one.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "precis/core/tensor.h"
#include "precis/graph/graph.h"

namespace precis::runtime {

// One operator on plain (unencoded) tensors. Omitted inputs are undefined Tensors; run() returns as many
// outputs as node.outputs, undefined for omitted ones. Shapes, indices and attributes are checked:
// Error(kMalformed) naming the node.
struct ReferenceOp {
  const char* domain;
  const char* op;
  std::vector<Tensor> (*run)(const Node& node, std::span<const Tensor> inputs);
};

// Null when there is no reference for the operator.
const ReferenceOp* find_reference_op(std::string_view domain, std::string_view op);
std::span<const ReferenceOp> all_reference_ops();  // sorted by domain, name

// Runs one node of a graph whose values may be encoded; inputs and outputs are codes for encoded values.
// Exact integers where docs/quantization.md defines them, else dequantize -> float reference -> quantize.
// Errors: kUnsupported (no such operator, dynamic encodings), kMalformed, naming the node.
std::vector<Tensor> run_reference_node(const Graph& graph, const Node& node, std::span<const Tensor> inputs);

}  // namespace precis::runtime
