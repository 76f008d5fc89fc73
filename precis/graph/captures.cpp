// Closing and opening of subgraphs; see captures.h.
#include "precis/graph/captures.h"

#include <algorithm>
#include <unordered_set>

#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis {
namespace {

constexpr const char* kCaptures = "captures";

template <typename Visit>
void for_each_body(Node& node, const Visit& visit) {
  for (auto& [key, attribute] : node.attributes)
    if (auto* body = std::get_if<SubgraphPtr>(&attribute)) visit(**body);
}

std::vector<ValueId> captured_values(const Graph& graph) {
  std::vector<ValueId> ids;
  for (size_t i = 0; i < graph.num_values(); ++i) {
    const ValueId id{static_cast<int32_t>(i)};
    if (graph.value(id).alive && graph.value(id).captured) ids.push_back(id);
  }
  return ids;
}

// `replacement` takes the place of `old`, and its name.
void take_over(Graph& graph, ValueId old, ValueId replacement, const std::string& name) {
  graph.replace_uses(old, replacement);
  graph.remove_if_dead(old);
  graph.rename_value(replacement, name);
}

class Closer {
 public:
  Closer(Graph& graph, OuterConstants constants, const Closer* outer)
      : graph_(graph), constants_(constants), outer_(outer) {}

  void run() {
    const std::vector<NodeId> order(graph_.order().begin(), graph_.order().end());
    for (NodeId id : order)
      if (has_subgraph(graph_.node(id)) && graph_.node(id).domain.empty()) close(id);
  }

 private:
  void close(NodeId id) {
    std::vector<std::string> names;  // captured by some body, in order of appearance
    std::unordered_set<std::string> known;
    for_each_body(graph_.node(id), [&](Graph& body) {
      Closer(body, constants_, this).run();
      for (ValueId v : captured_values(body)) {
        const std::string& name = body.value(v).name;
        const Value* constant = constants_ == OuterConstants::kCopied ? find_constant(name) : nullptr;
        if (constant != nullptr)
          copy_constant(body, v, *constant);
        else if (known.insert(name).second)
          names.push_back(name);
      }
    });
    Node& node = graph_.node(id);
    node.domain = "precis";
    node.attributes[kCaptures] = static_cast<int64_t>(names.size());
    std::vector<ValueId> inputs = node.inputs;
    if (node.op == "Loop") inputs.resize(std::max<size_t>(inputs.size(), 2));
    for (const std::string& name : names) inputs.push_back(outer_value(name));
    graph_.set_inputs(id, std::move(inputs));
    for_each_body(graph_.node(id), [&](Graph& body) {
      for (const std::string& name : names) add_input(body, name);
    });
  }

  // The constant that a name stands for, of this graph or of one around it.
  const Value* find_constant(const std::string& name) const {
    const ValueId id = graph_.find_value(name);
    if (id && !graph_.value(id).captured) return graph_.constant(id) ? &graph_.value(id) : nullptr;
    return outer_ != nullptr ? outer_->find_constant(name) : nullptr;
  }

  // The value of this graph; one that it captures itself when the name comes from further out.
  ValueId outer_value(const std::string& name) {
    if (const ValueId known = graph_.find_value(name)) return known;
    check(outer_ != nullptr, ErrorCode::kMalformed,
          "value '{}' is read in a subgraph, but no enclosing graph has it", printable(name));
    return graph_.add_captured(name);
  }

  static void copy_constant(Graph& body, ValueId captured, const Value& outer) {
    const std::string& name = outer.name;
    const ValueId copy =
        body.add_encoded_constant(body.unique_value_name(name + "/copy"), *outer.constant, outer.type);
    take_over(body, captured, copy, name);
  }

  void add_input(Graph& body, const std::string& name) const {
    const ValueType& type = graph_.value(graph_.find_value(name)).type;
    const ValueId captured = body.find_value(name);
    if (!captured || !body.value(captured).captured) {  // another body of the node reads it
      body.add_input(body.unique_value_name(name), type);
      return;
    }
    const ValueId input = body.add_input(body.unique_value_name(name + "/input"), type);
    take_over(body, captured, input, name);
  }

  Graph& graph_;
  OuterConstants constants_;
  const Closer* outer_;
};

// A graph being opened, and those around it.
struct OpenScope {
  const Graph& graph;
  const OpenScope* outer;

  bool has(const std::string& name) const {
    for (const OpenScope* s = this; s != nullptr; s = s->outer) {
      const ValueId id = s->graph.find_value(name);
      if (id && !s->graph.value(id).captured) return true;
    }
    return false;
  }
};

class Opener {
 public:
  Opener(Graph& graph, const OpenScope* outer) : graph_(graph), scope_{graph, outer} {}

  void run() {
    const std::vector<NodeId> order(graph_.order().begin(), graph_.order().end());
    for (NodeId id : order)
      if (has_subgraph(graph_.node(id)) && graph_.node(id).has(kCaptures)) open(id);
  }

 private:
  void open(NodeId id) {
    const size_t count = closed_inputs(graph_.node(id));
    std::vector<ValueId> inputs = graph_.node(id).inputs;
    std::vector<std::string> names;
    for (size_t i = inputs.size() - count; i < inputs.size(); ++i)
      names.push_back(graph_.value(inputs[i]).name);
    inputs.resize(inputs.size() - count);
    while (!inputs.empty() && !inputs.back()) inputs.pop_back();
    graph_.set_inputs(id, std::move(inputs));
    graph_.node(id).domain.clear();
    graph_.node(id).attributes.erase(kCaptures);
    for_each_body(graph_.node(id), [&](Graph& body) { open_body(body, names); });
  }

  void open_body(Graph& body, const std::vector<std::string>& names) const {
    const std::vector<ValueId> inputs(body.inputs().end() - static_cast<std::ptrdiff_t>(names.size()),
                                      body.inputs().end());
    body.capture_inputs(names.size());
    // Out of the way first: captured values may have exchanged their names.
    for (ValueId v : inputs) body.rename_value(v, free_name(body, "captured"));
    rename_hiding(body);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (const ValueId known = body.find_value(names[i]))
        body.replace_uses(inputs[i], known);  // two values became one outside
      else
        body.rename_value(inputs[i], names[i]);
    }
    Opener(body, &scope_).run();
    for (ValueId v : inputs) body.remove_if_dead(v);  // read by bodies inside alone
  }

  // Values of the body that have the name of one around it.
  void rename_hiding(Graph& body) const {
    for (size_t i = 0; i < body.num_values(); ++i) {
      const ValueId id{static_cast<int32_t>(i)};
      const Value& v = body.value(id);
      if (v.alive && !v.captured && scope_.has(v.name)) body.rename_value(id, free_name(body, v.name));
    }
  }

  // A name that neither the graphs around the body nor the body itself have.
  std::string free_name(const Graph& body, const std::string& base) const {
    for (int64_t n = 1;; ++n) {
      std::string name = base + "_" + fmt::to_string(n);
      if (!body.find_value(name) && !scope_.has(name)) return name;
    }
  }

  Graph& graph_;
  OpenScope scope_;
};

}  // namespace

bool has_subgraph(const Node& node) {
  return std::any_of(node.attributes.begin(), node.attributes.end(),
                     [](const auto& a) { return std::holds_alternative<SubgraphPtr>(a.second); });
}

bool has_subgraphs(const Graph& graph) {
  return std::any_of(graph.order().begin(), graph.order().end(),
                     [&](NodeId id) { return has_subgraph(graph.node(id)); });
}

size_t closed_inputs(const Node& node) {
  const int64_t count = node.domain == "precis" ? node.get_int(kCaptures, 0) : 0;
  return static_cast<size_t>(std::clamp<int64_t>(count, 0, static_cast<int64_t>(node.inputs.size())));
}

void close_subgraphs(Graph& graph, OuterConstants constants) { Closer(graph, constants, nullptr).run(); }

void open_subgraphs(Graph& graph) { Opener(graph, nullptr).run(); }

void rename_captures(Graph& graph, const std::string& from, const std::string& to) {
  for (NodeId id : graph.order())
    for_each_body(graph.node(id), [&](Graph& body) {
      const ValueId v = body.find_value(from);
      if (v && body.value(v).captured) body.rename_value(v, to);
      rename_captures(body, from, to);
    });
}

}  // namespace precis
