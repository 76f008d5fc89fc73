// Before:  x -> Transpose(p) -> Transpose(q) -> y      After:  x -> Transpose(p then q) -> y, or nothing
// Before:  x -> Transpose(p) -> Relu -> Add(constant) -> Transpose(p back) -> y
// After:   x -> Relu -> Add(constant, laid out anew) -> y
// Transpositions go through what does not care for the order of dimensions, or can be told it
// (permuted_nodes.h): all that one of them reaches and that has no other data forms a region, whose inside
// loses the permutation. The transpositions into it go, those out of it that turn back go, and what else
// reads a value of the region gets one of its own. Only where fewer are left than there were.
#include <algorithm>
#include <set>

#include "precis/graph/op.h"
#include "precis/passes/pass_list.h"
#include "precis/passes/permuted_nodes.h"

namespace precis::passes {
namespace {

// Reads the source of the transposition before it; one that moves nothing becomes an Identity.
int merge_pairs(Graph& g) {
  int changes = 0;
  const std::vector<NodeId> order(g.order().begin(), g.order().end());
  for (NodeId id : order) {
    auto perm = permutation_of(g, g.node(id));
    if (!perm) continue;
    const Node* before = g.producer(g.node(id).inputs[0]);
    const auto first = before != nullptr ? permutation_of(g, *before) : std::nullopt;
    if (first) {
      perm = combined(*first, *perm);
      g.node(id).attributes["perm"] = *perm;
      g.set_input(id, 0, before->inputs[0]);
      ++changes;
    }
    if (!is_identity(*perm)) continue;
    g.node(id).op = "Identity";
    g.node(id).attributes.clear();
    ++changes;
  }
  return changes;
}

class Region {
 public:
  Region(Graph& g, NodeId entry, Permutation perm) : g_(g), perm_(std::move(perm)) {
    grow(g_.node(entry).outputs[0]);
    shrink();
  }

  // How many transpositions there are less after dissolve().
  int gain() const {
    int gain = 0;
    for (NodeId entry : entries()) {
      const ValueId v = g_.node(entry).outputs[0];
      gain += !g_.is_output(v) && all_inside(v) ? 1 : 0;
    }
    for (NodeId id : nodes_)
      for (ValueId v : g_.node(id).outputs) {
        if (!v) continue;
        gain -= needs_border(v) ? 1 : 0;
        for (const Use& use : g_.value(v).uses) gain += turns_back(use.node) ? 1 : 0;
      }
    return nodes_.empty() ? 0 : gain;
  }

  void dissolve() {
    for (NodeId id : nodes_) rename_axes(g_, id, perm_);
    for (NodeId entry : entries()) {
      const ValueId from = g_.node(entry).outputs[0], to = g_.node(entry).inputs[0];
      for (const Use& use : std::vector<Use>(g_.value(from).uses))
        if (inside(use.node)) g_.set_input(use.node, static_cast<size_t>(use.slot), to);
      if (g_.value(from).uses.empty() && !g_.is_output(from)) g_.remove_node(entry);
    }
    for (NodeId id : nodes_)
      for (size_t slot = 0; slot < g_.node(id).outputs.size(); ++slot)
        if (g_.node(id).outputs[slot]) release(id, slot);
  }

 private:
  bool inside(NodeId id) const { return nodes_.count(id) != 0; }
  bool all_inside(ValueId v) const {
    const auto& uses = g_.value(v).uses;
    return std::all_of(uses.begin(), uses.end(), [&](const Use& use) { return inside(use.node); });
  }
  bool is_transposition(NodeId id) const { return permutation_of(g_, g_.node(id)).has_value(); }
  bool turns_back(NodeId id) const {
    const auto perm = permutation_of(g_, g_.node(id));
    return perm && is_identity(combined(perm_, *perm));
  }
  // Somebody outside who is no transposition reads `v`.
  bool needs_border(ValueId v) const {
    const auto& uses = g_.value(v).uses;
    return g_.is_output(v) || std::any_of(uses.begin(), uses.end(), [&](const Use& use) {
             return !inside(use.node) && !is_transposition(use.node);
           });
  }
  bool is_entry(const Node* n) const {
    const auto perm = n != nullptr ? permutation_of(g_, *n) : std::nullopt;
    return perm && *perm == perm_;
  }

  void grow(ValueId start) {
    std::vector<ValueId> open = {start};
    while (!open.empty()) {
      const ValueId v = open.back();
      open.pop_back();
      for (const Use& use : g_.value(v).uses) {
        if (inside(use.node) || permutable_inputs(g_, g_.node(use.node), perm_).empty()) continue;
        nodes_.insert(use.node);
        for (ValueId out : g_.node(use.node).outputs)
          if (out) open.push_back(out);
      }
    }
  }

  // All data come from inside or through an entry.
  bool is_fed(NodeId id) const {
    const Node& n = g_.node(id);
    const auto inputs = permutable_inputs(g_, n, perm_);
    return std::all_of(inputs.begin(), inputs.end(), [&](size_t i) {
      const NodeId maker = g_.value(n.inputs[i]).producer;
      return maker && (inside(maker) || is_entry(&g_.node(maker)));
    });
  }

  // Takes out the nodes that are not fed, and then those of their readers that no longer are.
  void shrink() {
    std::vector<NodeId> open(nodes_.begin(), nodes_.end());
    while (!open.empty()) {
      const NodeId id = open.back();
      open.pop_back();
      if (!inside(id) || is_fed(id)) continue;
      nodes_.erase(id);
      for (ValueId out : g_.node(id).outputs)
        if (out)
          for (const Use& use : g_.value(out).uses) open.push_back(use.node);
    }
  }

  std::set<NodeId> entries() const {
    std::set<NodeId> found;
    for (NodeId id : nodes_)
      for (ValueId v : g_.node(id).inputs)
        if (v && is_entry(g_.producer(v)) && !inside(g_.value(v).producer))
          found.insert(g_.value(v).producer);
    return found;
  }

  // The output without the permutation, for those inside and, with theirs, for transpositions; the others get
  // the old value from a transposition of its own.
  void release(NodeId id, size_t slot) {
    const ValueId old = g_.node(id).outputs[slot];
    ValueType type = g_.value(old).type;
    type.shape.reset();  // it is inferred anew
    const ValueId plain =
        g_.add_value(g_.unique_value_name(g_.value(old).name + "/unpermuted"), std::move(type));
    g_.set_output(id, slot, plain);
    for (const Use& use : std::vector<Use>(g_.value(old).uses)) {
      if (!inside(use.node) && !is_transposition(use.node)) continue;
      if (!inside(use.node))
        g_.node(use.node).attributes["perm"] = combined(perm_, *permutation_of(g_, g_.node(use.node)));
      g_.set_input(use.node, static_cast<size_t>(use.slot), plain);
    }
    if (g_.value(old).uses.empty() && !g_.is_output(old)) return;
    Node border;
    border.op = "Transpose";
    border.name = g_.unique_node_name(g_.value(old).name + "/permuted");
    border.inputs = {plain};
    border.outputs = {old};
    border.attributes["perm"] = perm_;
    g_.insert_node_after(id, std::move(border));
  }

  Graph& g_;
  const Permutation perm_;
  std::set<NodeId> nodes_;
};

int dissolve_regions(Graph& g) {
  const std::vector<NodeId> order(g.order().begin(), g.order().end());
  for (NodeId id : order) {
    const auto perm = permutation_of(g, g.node(id));
    if (!perm) continue;
    Region region(g, id, *perm);
    if (region.gain() <= 0) continue;
    region.dissolve();
    return 1;
  }
  return 0;
}

void remove_unread_transposes(Graph& g) {
  const std::vector<NodeId> order(g.order().begin(), g.order().end());
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const Node& n = g.node(*it);
    if (n.is("Transpose") && g.value(n.outputs[0]).uses.empty() && !g.is_output(n.outputs[0]))
      g.remove_node(*it);
  }
}

}  // namespace

PassResult cancel_transposes(Model& model) {
  Graph& g = model.graph;
  PassResult result;
  for (int changes = 1; changes > 0; result.changes += changes) {
    changes = merge_pairs(g);
    if (changes > 0) {
      remove_unread_transposes(g);
      changes += eliminate_identity(model).changes;
    }
    changes += dissolve_regions(g);
    if (changes == 0) break;
    g.sort();
    infer_types(g);
  }
  return result;
}

}  // namespace precis::passes
