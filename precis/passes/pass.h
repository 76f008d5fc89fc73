// Passes: Graph -> Graph, one per file, known by name in one registry and run by one runner that validates, times and
// reports for all of them. A pass never runs a model; what calibration saw reaches it as values (RangeTable).
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "precis/graph/graph.h"

namespace precis::passes {

struct PassResult {
  int changes = 0;                      // rewrites done
  std::vector<std::string> notes;       // what was refused and why, for the report
  std::map<std::string, int> by_pass = {};  // rewrites of each pass; filled by the runners
};

// name: the same in file, function, recipe and test ("fold_batch_norm").
struct PassInfo {
  const char* name;
  const char* summary;
  PassResult (*run)(Model& model);
  // The same where the pass adds constants: by `growth` bytes at most.
  PassResult (*run_within)(Model& model, int64_t growth) = nullptr;
};

std::span<const PassInfo> all_passes();          // parameterless passes, sorted by name
const PassInfo* find_pass(std::string_view name);

// Runs passes in order, re-infers types and validates after each one that changed something (in debug builds and tests always).
PassResult run_passes(Model& model, std::span<const std::string_view> names);
// The preparation every float model gets before calibration, in order, each with its reason (pass.cpp).
PassResult prepare(Model& model);
// What `simplify` runs unless it is told otherwise, in order, each with its reason (pass.cpp); and the same without passes that
// make operators newer than `opset`.
struct Simplification {
  const char* name;
  int opset = 0;  // that has the operator it makes
};
std::span<const Simplification> simplification();
std::vector<std::string_view> simplification_for(int64_t opset);
// Runs passes in order, again and again until none changes anything: what one leaves another may take.
PassResult run_passes_until_done(Model& model, std::span<const std::string_view> names);

}  // namespace precis::passes
