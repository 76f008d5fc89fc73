// Passes as before/after text: runs one pass on a text graph, compares with the expected text, and (for float graphs) checks
// that the outputs of the reference engine stay the same.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "precis/graph/graph.h"
#include "precis/passes/pass.h"

namespace precis::test {

Model model_of(const std::string& text);          // parsed, types inferred, validated
passes::PassResult run_pass(Model& model, const char* name);
// The pass turns `before` into `after` (compared as printed), and outputs agree within `tolerance` relative.
void expect_rewrite(const char* pass, const std::string& before, const std::string& after, double tolerance = 1e-5);
void expect_unchanged(const char* pass, const std::string& text);
// Unchanged, for a graph that quantizes where the pass might overlook it; the outputs stay exactly equal,
// too.
void expect_kept(const char* pass, const std::string& text);

}  // namespace precis::test
