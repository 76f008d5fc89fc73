// expand_calls of function_call.h: one graph after the other, one node after the other, so that neither the
// depth of calls nor their number meets the stack.
#include <algorithm>

#include "precis/core/check.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/onnx/function_call.h"
#include "precis/onnx/node_importer.h"
#include "precis/onnx/opset_upgrade.h"

namespace precis::onnx_io {
namespace {

// The nodes of one call, put before `position` in the graph of the call.
class CallImporter : public NodeImporter {
 public:
  CallImporter(Graph& graph, ImportContext& context, FunctionCall& call)
      : NodeImporter(graph, context, nullptr, &call), call_(call) {}

  void run(const Node& node, NodeId position) {
    auto& f = call_.function().proto;
    for (int i = 0; i < f.input_size(); ++i) define(f.input(i), node.input(static_cast<size_t>(i)));
    add_nodes(*f.mutable_node(), position);
    for (int i = 0; i < f.output_size(); ++i)
      set_output(f.output(i), node.output(static_cast<size_t>(i)), position);
  }

 private:
  // A function may give an input, a constant, or one value twice.
  void set_output(const std::string& name, ValueId target, NodeId position) {
    const auto made = own(name);
    check(made.has_value(), ErrorCode::kMalformed, "no node makes its output '{}'", printable(name));
    if (!target || graph().value(target).producer) return;
    check(static_cast<bool>(*made), ErrorCode::kMalformed,
          "its output '{}' is an input, which the call omits", printable(name));
    Node copy;
    copy.op = "Identity";
    copy.name = call_.inner_name(name);
    copy.inputs = {*made};
    copy.outputs = {target};
    graph().insert_node_before(position, std::move(copy));
  }

  FunctionCall& call_;
};

// Do rules for the function's opset ask for shapes?
bool needs_shapes(const FunctionTable& functions) {
  for (size_t f = 0; f < functions.size(); ++f) {
    const LocalFunction& function = functions.at(static_cast<int>(f));
    const auto& nodes = function.proto.node();
    if (std::any_of(nodes.begin(), nodes.end(), [&](const onnx::NodeProto& n) {
          return upgrade_uses_shapes(n.op_type(), function.opset);
        }))
      return true;
  }
  return false;
}

class Expander {
 public:
  Expander(Graph& graph, ImportContext& context, uint64_t memory_limit)
      : context_(context), ledger_(graph, memory_limit), shapes_(needs_shapes(context.functions)) {
    graphs_.push_back({&graph, 0});
  }

  void run() {
    for (size_t i = 0; i < graphs_.size(); ++i) expand(*graphs_[i].graph, graphs_[i].depth);
  }

 private:
  struct Place {
    Graph* graph;
    int depth;
  };
  struct Step {
    NodeId node;
    int opset;  // of the function that it comes from; 0: it is of the canonical opset
  };

  void expand(Graph& graph, int depth) {
    NodeUpgrade upgrade(graph, shapes_);
    std::vector<Step> open;  // the next node last
    for (NodeId id : graph.order()) open.push_back({id, 0});
    std::reverse(open.begin(), open.end());
    while (!open.empty()) {
      const Step step = open.back();
      open.pop_back();
      if (graph.node(step.node).domain == kCallDomain)
        write_out(graph, step.node, open);
      else
        settle(graph, step, depth, upgrade);
    }
  }

  void settle(Graph& graph, const Step& step, int depth, NodeUpgrade& upgrade) {
    if (step.opset > 0)
      upgrade.run(step.node, step.opset);
    else
      upgrade.follow(step.node);
    for (auto& [key, attribute] : graph.node(step.node).attributes)
      if (auto* body = std::get_if<SubgraphPtr>(&attribute)) {
        check(depth < limits().max_subgraph_depth, ErrorCode::kMalformed,
              "{}: subgraphs are nested more than {} deep", describe(graph, graph.node(step.node)),
              limits().max_subgraph_depth);
        graphs_.push_back({&**body, depth + 1});
      }
  }

  void write_out(Graph& graph, NodeId id, std::vector<Step>& open) {
    const Node node = graph.node(id);
    LocalFunction& function = context_.functions.at(std::stoi(node.op));
    const NodeId position = graph.insert_node_before(id, Node{});  // stands for the end of the call
    graph.remove_node(id);
    const size_t slots = graph.num_node_slots();
    try {
      FunctionCall call(graph, node, function, ledger_, context_);
      CallImporter(graph, context_, call).run(node, position);
    } catch (const Error& e) {
      const std::string who = node.name.empty() ? "an unnamed node" : "node '" + printable(node.name) + "'";
      throw Error(e.code(), fmt::format("function '{}', called by {}: {}", function.label, who, e.what()));
    }
    graph.remove_node(position);
    for (size_t added = graph.num_node_slots(); added-- > slots;)
      open.push_back({NodeId{static_cast<int32_t>(added)}, function.opset});
  }

  ImportContext& context_;
  CallLedger ledger_;
  bool shapes_;
  std::vector<Place> graphs_;
};

}  // namespace

void expand_calls(Graph& graph, ImportContext& context, uint64_t memory_limit) {
  if (!context.functions.empty()) Expander(graph, context, memory_limit).run();
}

}  // namespace precis::onnx_io
