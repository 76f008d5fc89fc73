// Nodes whose values are encoded, by the integer contract of docs/quantization.md. Internal to
// precis/runtime.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "precis/graph/graph.h"
#include "precis/runtime/integer_contract.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {

// True when any input or output of the node is encoded, or it is one of precis::Quantize, Dequantize,
// Requantize.
bool touches_codes(const Graph& graph, const Node& node);
// True when run_encoded_node computes or moves codes, false when it goes through dequantize -> float -> quantize.
// Changes between reals and codes count as codes.
bool runs_on_codes(const Graph& graph, const Node& node);
// The node's operator on plain tensors. Errors name the node.
Tensors run_plain_node(const Graph& graph, const Node& node, Inputs inputs);
// One node, each output in its own encoding.
Tensors run_encoded_node(const Graph& graph, const Node& node, Inputs inputs);

// A chain's result from the inputs of its first node and its residual (undefined when it has none): one
// rounding. nullopt where the contract does not apply (no proof, or a residual that broadcasts): then the
// nodes run one by one.
std::optional<Tensor> run_integer_chain(const Graph& graph, const IntegerChain& chain, Inputs inputs,
                                        const Tensor& residual);

}  // namespace precis::runtime
