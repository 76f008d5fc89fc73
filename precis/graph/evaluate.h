// Evaluating single nodes on constants: declared here so that passes can fold without knowing the runtime,
// implemented and registered by precis/runtime.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "precis/graph/graph.h"

namespace precis {

// Outputs of `node` for constant inputs (undefined tensors for omitted ones); nullopt when it cannot be
// evaluated (unknown operator, encoded types, result larger than `max_bytes`).
using NodeEvaluator = std::optional<std::vector<Tensor>> (*)(const Node& node, std::span<const Tensor> inputs,
                                                             uint64_t max_bytes);
void set_node_evaluator(NodeEvaluator evaluator);
std::optional<std::vector<Tensor>> evaluate_node(const Node& node, std::span<const Tensor> inputs,
                                                 uint64_t max_bytes);

}  // namespace precis
