// See inline_if.h.
#include "precis/graph/inline_if.h"

#include <algorithm>
#include <map>
#include <set>

#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis {
namespace {

class BranchInliner {
 public:
  BranchInliner(Graph& graph, NodeId node, const Graph& branch)
      : graph_(graph), node_(node), branch_(branch) {}

  void run() {
    const Node& node = graph_.node(node_);
    check(
        branch_.inputs().size() + 1 == node.inputs.size() && branch_.outputs().size() >= node.outputs.size(),
        ErrorCode::kInternal, "{}: the branch does not fit its node", describe(graph_, node));
    for (size_t i = 0; i < branch_.inputs().size(); ++i) outer_[branch_.inputs()[i]] = node.inputs[i + 1];
    for (ValueId v : branch_.initializers()) {
      const Value& constant = branch_.value(v);
      outer_[v] = graph_.add_encoded_constant(graph_.unique_value_name(constant.name), *constant.constant,
                                              constant.type);
    }
    for (NodeId id : branch_.order()) copy(branch_.node(id));
    const std::vector<ValueId> results = node.outputs;
    graph_.remove_node(node_);
    for (size_t i = 0; i < results.size(); ++i)
      if (results[i]) hand_over(outer_.at(branch_.outputs()[i]), results[i]);
    for (const auto& [inner, outer] : outer_) graph_.remove_if_dead(outer);
  }

 private:
  void copy(const Node& inner) {
    Node node = inner;
    if (!node.name.empty()) node.name = graph_.unique_node_name(node.name);
    for (ValueId& in : node.inputs)
      if (in) in = outer_.at(in);
    for (ValueId& out : node.outputs) {
      if (!out) continue;
      const Value& v = branch_.value(out);
      out = outer_[out] = graph_.add_value(graph_.unique_value_name(v.name), v.type);
    }
    made_.insert(graph_.insert_node_before(node_, std::move(node)));
  }

  // `result`, an output that the If had, is made by the branch from now on; `value` is the branch's in the
  // graph.
  void hand_over(ValueId& value, ValueId result) {
    const NodeId producer = graph_.value(value).producer;
    if (made_.count(producer) != 0 && taken_.insert(value).second) {
      const std::vector<ValueId>& outputs = graph_.node(producer).outputs;
      const size_t slot =
          static_cast<size_t>(std::find(outputs.begin(), outputs.end(), value) - outputs.begin());
      graph_.set_output(producer, slot, result);
      graph_.replace_uses(value, result);
      value = result;  // the branch may give one value out twice
      taken_.insert(result);
      return;
    }
    // Not made in the branch, or given out already.
    graph_.replace_uses_in_nodes(result, value);
    if (!graph_.is_output(result)) return;
    Node same;
    same.op = "Identity";
    same.name = graph_.unique_node_name(graph_.value(result).name + "/same");
    same.inputs = {value};
    same.outputs = {result};
    graph_.add_node(std::move(same));
  }

  Graph& graph_;
  NodeId node_;
  const Graph& branch_;
  std::map<ValueId, ValueId> outer_;  // of the branch's values
  std::set<NodeId> made_;
  std::set<ValueId> taken_;
};

}  // namespace

const Graph* constant_branch(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!node.is_precis("If")) return nullptr;
  const Tensor* condition = graph.constant(node.input(0));
  if (condition == nullptr || condition->dtype() != DType::kBool || condition->numel() != 1) return nullptr;
  const Attribute* branch = node.find(condition->at_int(0) != 0 ? "then_branch" : "else_branch");
  const auto* body = branch != nullptr ? std::get_if<SubgraphPtr>(branch) : nullptr;
  return body != nullptr ? &**body : nullptr;
}

void inline_branch(Graph& graph, NodeId id) {
  const Graph* branch = constant_branch(graph, id);
  check(branch != nullptr, ErrorCode::kInternal, "{} has no constant condition",
        describe(graph, graph.node(id)));
  const Graph copy = *branch;  // the node goes while its branch is read
  BranchInliner(graph, id, copy).run();
}

}  // namespace precis
