// Matching of `--set` rules to nodes and values. Internal to precis/passes.
#pragma once

#include <string_view>

#include "precis/graph/graph.h"
#include "precis/passes/quantize_static.h"

namespace precis::passes {

// Answers what the rules say about one node or value: later rules win field by field.
class RuleMatcher {
 public:
  RuleMatcher(const Graph& graph, const std::vector<OverrideRule>& rules);  // Error(kUsage) for a pattern that matches nothing
  OverrideRule for_node(NodeId id) const;
  OverrideRule for_value(ValueId id) const;

 private:
  bool matches_node(const OverrideRule& rule, NodeId id) const;
  const Graph& graph_;
  const std::vector<OverrideRule>& rules_;
  NodeId first_, last_;  // first and last operator with weights
};

}  // namespace precis::passes
