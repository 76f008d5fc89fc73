// See skipped_nodes.h.
#include "precis/passes/skipped_nodes.h"

#include "precis/graph/macs.h"
#include "precis/graph/node_label.h"
#include "precis/graph/op.h"

namespace precis::passes {
namespace {

// A graph and those around it, for names that bodies capture.
struct Scope {
  const Graph& graph;
  const Scope* outer;

  const Tensor* constant(ValueId id) const {
    if (!id) return nullptr;
    if (const Tensor* own = graph.constant(id)) return own;
    if (!graph.value(id).captured) return nullptr;
    const std::string& name = graph.value(id).name;
    for (const Scope* s = outer; s != nullptr; s = s->outer)
      if (const ValueId theirs = s->graph.find_value(name)) return s->graph.constant(theirs);
    return nullptr;
  }
};

template <typename Visit>
void for_each_body(const Node& node, const Visit& visit) {
  for (const auto& [key, attribute] : node.attributes)
    if (const auto* body = std::get_if<SubgraphPtr>(&attribute)) visit(**body);
}

double constant_bytes(const Graph& graph) {
  double bytes = 0;
  for (ValueId v : graph.initializers()) bytes += static_cast<double>(graph.constant(v)->nbytes());
  for (NodeId id : graph.order())
    for_each_body(graph.node(id), [&](const Graph& body) { bytes += constant_bytes(body); });
  return bytes;
}

class Finder {
 public:
  Finder(const Graph& graph, const Placement& place)
      : place_(place), all_bytes_(constant_bytes(graph)), macs_(count_macs(graph)) {}

  std::vector<SkippedNode> run(const Graph& graph) {
    const Scope scope{graph, nullptr};
    for (NodeId id : graph.order()) {
      const std::string& reason = place_.reasons[static_cast<size_t>(id.index)];
      if (place_.role(id) != QuantRole::kFloat || reason == "not a float operator") continue;
      add(scope, graph.node(id), reason);
      if (macs_.total > 0)
        skipped_.back().mac_share = static_cast<double>(macs_.by_node[static_cast<size_t>(id.index)]) /
                                    static_cast<double>(macs_.total);
      look_into(scope, graph.node(id));
    }
    return std::move(skipped_);
  }

 private:
  void add(const Scope& scope, const Node& n, std::string reason) {
    SkippedNode s{name_of(scope, n), n.op, std::move(reason), 0, 0};
    for (ValueId v : n.inputs)
      if (const Tensor* t = scope.constant(v); t != nullptr && all_bytes_ > 0)
        s.byte_share += static_cast<double>(t->nbytes()) / all_bytes_;
    skipped_.push_back(std::move(s));
  }

  static std::string name_of(const Scope& scope, const Node& n) {
    const std::string label = node_label(scope.graph, n);
    return label.empty() ? n.op : label;
  }

  void look_into(const Scope& scope, const Node& holder) {
    for_each_body(holder, [&](const Graph& body) {
      const Scope inside{body, &scope};
      for (NodeId id : body.order()) {
        const Node& n = body.node(id);
        if (multiplies_by_weights(inside, n))
          add(inside, n,
              "in the body of " + holder.op + " '" + name_of(scope, holder) + "', which stays float");
        look_into(inside, n);
      }
    });
  }

  static bool multiplies_by_weights(const Scope& scope, const Node& n) {
    const OpDecl* decl = find_op(n.domain, n.op);
    return decl != nullptr && decl->macs != nullptr &&
           (scope.constant(n.input(0)) || scope.constant(n.input(1)));
  }

  const Placement& place_;
  double all_bytes_;
  MacCount macs_;
  std::vector<SkippedNode> skipped_;
};

}  // namespace

std::vector<SkippedNode> skipped_nodes(const Graph& graph, const Placement& place) {
  return Finder(graph, place).run(graph);
}

}  // namespace precis::passes
