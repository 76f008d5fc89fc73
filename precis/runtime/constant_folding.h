// Evaluating what does not depend on the inputs, before a plan is made.
#pragma once

#include <set>

#include "precis/graph/graph.h"

namespace precis::runtime {

// Infers types, replaces nodes with constant inputs (and Shape and Size of values of known shape) by their
// results and every If of known condition by its branch, and repeats while that makes more shapes known.
// `input_shapes` may be empty. Values of `kept` are not folded. Once bodies are compiled, those inside a
// branch would lose their programs: such a branch stays where it is.
enum class Bodies { kNotCompiled, kCompiled };
void infer_and_fold(Graph& graph, const std::vector<Shape>& input_shapes, const std::set<ValueId>& kept,
                    Bodies bodies);

}  // namespace precis::runtime
