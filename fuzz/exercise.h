// What is done with a model that may come from anywhere, as the targets and sweeps do it.
#pragma once

#include <optional>
#include <vector>

#include "fuzz/target.h"
#include "precis/core/tensor.h"
#include "precis/graph/graph.h"
#include "precis/runtime/session.h"

namespace precis::fuzz {

// Read and checked, types inferred; nullopt when it was refused.
std::optional<Model> read_checked(Bytes bytes);

// Inputs for one run: small values, open dimensions 2. nullopt where a run says nothing: containers or
// strings as inputs, or so many elements or multiply-accumulates that it would only take time.
std::optional<std::vector<Tensor>> example_inputs(const Graph& graph);

// Compiles and runs once on one thread; nullopt when that was refused.
std::optional<std::vector<Tensor>> run_once(const Graph& graph, std::span<const Tensor> inputs,
                                            runtime::Engine engine);

bool all_finite(std::span<const Tensor> tensors);

}  // namespace precis::fuzz
