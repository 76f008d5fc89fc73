// Runs a graph on both engines and compares: the helper of the runtime's tests.
#pragma once

#include <string>
#include <vector>

#include "precis/graph/graph.h"
#include "precis/runtime/session.h"

namespace precis::test {

// Seeded inputs for the declared shapes (unknown dimensions: `unknown`): floats in [-2, 2), codes over their
// range.
std::vector<Tensor> random_inputs(const Graph& graph, uint64_t seed = 1, int64_t unknown = 1);

// Every output of the fast engine against the reference engine, with 1 and 2 threads. Integer and encoded
// outputs are equal; floats differ by at most 1e-5 of the largest magnitude in the output (or of 1): sums of
// up to some thousand terms in another order, through a few layers.
void expect_engines_agree(const Graph& graph, const std::vector<Tensor>& inputs);
void expect_engines_agree(const std::string& text, uint64_t seed = 1);

// The executed steps without reorders, as "Conv+Relu(onednn)".
std::vector<std::string> step_names(const Graph& graph);

}  // namespace precis::test
