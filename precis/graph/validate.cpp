// The validator: collects problems in the order in which they are worth reading, and throws the first.
#include "precis/graph/validate.h"

#include "precis/core/check.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/graph/validate_parts.h"

namespace precis {

void Problems::error(ErrorCode code, std::string where, std::string message) {
  add({Problem::Level::kError, code, std::move(where), std::move(message)});
}

void Problems::warning(std::string where, std::string message) {
  add({Problem::Level::kWarning, ErrorCode::kMalformed, std::move(where), std::move(message)});
}

void Problems::add(Problem problem) {
  if (kept_.size() < kMaxKept)
    kept_.push_back(std::move(problem));
  else
    ++left_out_;
}

std::vector<Problem> Problems::take() {
  if (left_out_ > 0)
    kept_.push_back({Problem::Level::kWarning, ErrorCode::kLimit, "model",
                     fmt::format("{} more problems are not listed", left_out_)});
  return std::move(kept_);
}

std::deque<Scope> all_scopes(const Graph& graph, Problems& problems) {
  std::deque<Scope> scopes{{&graph, nullptr, 0}};
  for (size_t i = 0; i < scopes.size(); ++i) {
    const Scope& scope = scopes[i];
    for (NodeId id : scope.graph->order()) {
      const Node& n = scope.graph->node(id);
      for (const auto& [key, attribute] : n.attributes) {
        const auto* body = std::get_if<SubgraphPtr>(&attribute);
        if (body == nullptr) continue;
        if (scope.depth < limits().max_subgraph_depth)
          scopes.push_back({&**body, &scopes[i], scope.depth + 1, n.domain == "precis"});
        else
          problems.error(ErrorCode::kLimit, describe(*scope.graph, n),
                         fmt::format("attribute '{}' nests subgraphs deeper than {}", printable(key),
                                     limits().max_subgraph_depth));
      }
    }
  }
  return scopes;
}

std::vector<Problem> find_problems(const Model& model) {
  Problems problems;
  const std::deque<Scope> scopes = all_scopes(model.graph, problems);
  int64_t nodes = 0;
  for (const Scope& scope : scopes) nodes += static_cast<int64_t>(scope.graph->order().size());
  if (nodes > limits().max_nodes)
    problems.error(ErrorCode::kLimit, "model",
                   fmt::format("has {} nodes, at most {} are allowed", nodes, limits().max_nodes));
  for (const Scope& scope : scopes) check_structure(scope, problems);
  check_operators(scopes, problems);
  return problems.take();
}

void validate(const Model& model) {
  const std::vector<Problem> problems = find_problems(model);
  const Problem* first = nullptr;
  size_t errors = 0;
  std::string unsupported;
  for (const Problem& p : problems) {
    if (p.level != Problem::Level::kError) continue;
    ++errors;
    if (first == nullptr) first = &p;
    if (p.code == ErrorCode::kUnsupported)
      unsupported += (unsupported.empty() ? "" : "; ") + p.where + ": " + p.message;
  }
  if (first == nullptr) return;
  if (first->code == ErrorCode::kUnsupported) throw Error(ErrorCode::kUnsupported, unsupported);
  const std::string more = errors > 1 ? fmt::format(" (and {} more problems)", errors - 1) : "";
  throw Error(first->code, first->where + ": " + first->message + more);
}

}  // namespace precis
