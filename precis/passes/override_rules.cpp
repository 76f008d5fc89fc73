// Rules by exact name, glob, "re:REGEX", "op:TYPE", "first" and "last"; merged in order.
#include "precis/passes/override_rules.h"

#include <regex>

#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis::passes {
namespace {

bool is_weighted(const Node& n) { return n.is("Conv") || n.is("ConvTranspose") || n.is("Gemm") || n.is("MatMul"); }

bool name_matches(const std::string& pattern, const std::string& name) {
  if (pattern == name) return true;
  if (pattern.rfind("re:", 0) == 0) {
    try {
      return std::regex_match(name, std::regex(pattern.substr(3), std::regex::ECMAScript));
    } catch (const std::regex_error& e) {
      fail(ErrorCode::kUsage, "the pattern '{}' is not a valid regular expression: {}", printable(pattern), e.what());
    }
  }
  return glob_match(pattern, name);
}

template <typename T>
void take(std::optional<T>& into, const std::optional<T>& from) {
  if (from) into = from;
}

void merge_rule(OverrideRule& into, const OverrideRule& r) {
  take(into.quantize, r.quantize);
  take(into.weight_bits, r.weight_bits);
  take(into.activation_bits, r.activation_bits);
  take(into.observer, r.observer);
  take(into.activation_symmetry, r.activation_symmetry);
  take(into.per_channel, r.per_channel);
  take(into.range_min, r.range_min);
  take(into.range_max, r.range_max);
  take(into.scale, r.scale);
  take(into.zero_point, r.zero_point);
}

}  // namespace

RuleMatcher::RuleMatcher(const Graph& graph, const std::vector<OverrideRule>& rules) : graph_(graph), rules_(rules) {
  for (NodeId id : graph.order()) {
    if (!is_weighted(graph.node(id))) continue;
    if (!first_) first_ = id;
    last_ = id;
  }
  for (const OverrideRule& rule : rules) {
    bool used = false;
    for (NodeId id : graph.order()) used = used || matches_node(rule, id);
    for (size_t i = 0; !used && i < graph.num_values(); ++i) {
      const Value& v = graph.value(ValueId{static_cast<int32_t>(i)});
      used = v.alive && name_matches(rule.match, v.name);
    }
    if (used) continue;
    std::vector<std::string> names;
    for (NodeId id : graph.order()) names.push_back(graph.node(id).name);
    const std::string near = nearest(rule.match, names);
    fail(ErrorCode::kUsage, "the pattern '{}' matches no node, tensor or operator type{}; `precis inspect MODEL` lists the names",
         printable(rule.match), near.empty() ? "" : fmt::format(" (did you mean '{}'?)", printable(near)));
  }
}

bool RuleMatcher::matches_node(const OverrideRule& rule, NodeId id) const {
  const Node& n = graph_.node(id);
  if (rule.match == "first") return id == first_;
  if (rule.match == "last") return id == last_;
  if (rule.match.rfind("op:", 0) == 0) return n.op == rule.match.substr(3);
  return name_matches(rule.match, n.name) || (n.output(0) && name_matches(rule.match, graph_.value(n.output(0)).name));
}

OverrideRule RuleMatcher::for_node(NodeId id) const {
  OverrideRule merged;
  for (const OverrideRule& rule : rules_)
    if (matches_node(rule, id)) merge_rule(merged, rule);
  return merged;
}

OverrideRule RuleMatcher::for_value(ValueId id) const {
  OverrideRule merged;
  for (const OverrideRule& rule : rules_)
    if (name_matches(rule.match, graph_.value(id).name)) merge_rule(merged, rule);
  return merged;
}

}  // namespace precis::passes
