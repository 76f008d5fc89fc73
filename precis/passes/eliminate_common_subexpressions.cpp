// Before:  a = Relu(x); b = Relu(x); y = Add(a, b)      After:  a = Relu(x); y = Add(a, a)
// Nodes of the same operator, attributes and inputs are one; so are constants of the same type and contents
// (weights that were tied by value are tied by name from then on). Visited in order, so that what reads
// merged values merges too. Never nodes that draw random numbers or hold subgraphs, and never two outputs of
// the graph.
#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "precis/core/hash.h"
#include "precis/graph/captures.h"
#include "precis/graph/content_key.h"
#include "precis/graph/op.h"
#include "precis/passes/pass_list.h"
#include "precis/passes/stand_in.h"

namespace precis::passes {
namespace {

bool commutes(const Node& n) {
  return n.inputs.size() == 2 &&
         (n.is("Add") || n.is("Mul") || n.is("And") || n.is("Or") || n.is("Xor") || n.is("Equal"));
}

class Merger {
 public:
  explicit Merger(Graph& g) : g_(g) {}

  int run() {
    for (ValueId v : g_.initializers()) merge_constant(v);
    const std::vector<NodeId> order(g_.order().begin(), g_.order().end());
    for (NodeId id : order) merge_node(id);
    return changes_;
  }

 private:
  bool same_constant(ValueId a, ValueId b) const {
    const Tensor &x = *g_.constant(a), &y = *g_.constant(b);
    return x.dtype() == y.dtype() && x.shape() == y.shape() &&
           g_.value(a).type.dtype == g_.value(b).type.dtype &&
           g_.value(a).type.encoding == g_.value(b).type.encoding &&
           (x.nbytes() == 0 || std::memcmp(x.bytes(), y.bytes(), static_cast<size_t>(x.nbytes())) == 0);
  }

  void merge_constant(ValueId v) {
    const Tensor& t = *g_.constant(v);
    if (is_container(t.dtype()) || g_.value(v).uses.empty() || g_.is_output(v)) return;
    const uint64_t hash =
        xxh3(std::span(t.bytes(), static_cast<size_t>(t.nbytes())), static_cast<uint64_t>(t.numel()));
    for (ValueId other : constants_[hash]) {
      if (!same_constant(other, v)) continue;
      g_.replace_uses(v, other);
      ++changes_;
      return;
    }
    constants_[hash].push_back(v);
  }

  std::optional<std::string> key_of(const Node& n) const {
    if (has_subgraph(n) || draws_random_numbers(g_, n) || n.outputs.empty()) return std::nullopt;
    ContentKey key;
    key.add(n.domain);
    key.add(n.op);
    for (const auto& [name, attribute] : n.attributes) {
      key.add(name);
      if (!key.add(attribute)) return std::nullopt;
    }
    std::vector<int64_t> inputs;
    for (ValueId in : n.inputs) inputs.push_back(in.index);
    while (!inputs.empty() && inputs.back() < 0) inputs.pop_back();
    if (commutes(n)) std::sort(inputs.begin(), inputs.end());
    key.add(inputs);
    for (ValueId out : n.outputs) key.add(int64_t{out ? 1 : 0});
    return key.text();
  }

  bool same_encodings(const Node& a, const Node& b) const {
    for (size_t i = 0; i < a.outputs.size(); ++i)
      if (a.outputs[i] && (g_.value(a.outputs[i]).type.encoding != g_.value(b.outputs[i]).type.encoding ||
                           g_.value(a.outputs[i]).type.dtype != g_.value(b.outputs[i]).type.dtype))
        return false;
    return true;
  }

  // Can the outputs of `from` all be those of `to`, names of graph outputs included?
  bool can_stand_in(const Node& from, const Node& to) const {
    for (size_t i = 0; i < from.outputs.size(); ++i)
      if (from.outputs[i] && g_.is_output(from.outputs[i]) && g_.is_output(to.outputs[i])) return false;
    return same_encodings(from, to);
  }

  void merge_node(NodeId id) {
    const std::optional<std::string> key = key_of(g_.node(id));
    if (!key) return;
    const auto [known, fresh] = nodes_.emplace(*key, id);
    if (fresh || !can_stand_in(g_.node(id), g_.node(known->second))) return;
    const std::vector<ValueId> from = g_.node(id).outputs, to = g_.node(known->second).outputs;
    for (size_t i = 0; i < from.size(); ++i)
      if (from[i]) stand_in(g_, from[i], to[i]);
    g_.remove_node(id);
    ++changes_;
  }

  Graph& g_;
  std::unordered_map<uint64_t, std::vector<ValueId>> constants_;  // by hash of their bytes
  std::unordered_map<std::string, NodeId> nodes_;                 // by key
  int changes_ = 0;
};

}  // namespace

PassResult eliminate_common_subexpressions(Model& model) {
  PassResult result;
  result.changes = Merger(model.graph).run();
  if (result.changes > 0) model.graph.remove_dead_values();
  return result;
}

}  // namespace precis::passes
