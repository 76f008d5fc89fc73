// Matching of composed HardSwish; see the header.
#include "precis/runtime/hard_swish.h"

#include <cmath>

namespace precis::runtime {
namespace {

bool close(float a, float b) { return std::fabs(a - b) <= 1e-6f * std::fabs(b); }

// The value of input `slot`, when it is a float constant of one element.
bool is_scalar(const Graph& graph, const Node& node, size_t slot, float wanted) {
  const Tensor* t = node.input(slot) ? graph.constant(node.inputs[slot]) : nullptr;
  if (t == nullptr || t->dtype() != DType::kF32 || t->numel() != 1) return false;
  const float value = t->data<float>()[0];
  return wanted == 0 ? value == 0 : close(value, wanted);
}

// `node` is `op` of some value and the scalar, in either order where the operator commutes.
bool with_scalar(const Graph& graph, const Node& node, const char* op, float scalar) {
  if (!node.is(op) || node.inputs.size() != 2) return false;
  return is_scalar(graph, node, 1, scalar) || (!node.is("Div") && is_scalar(graph, node, 0, scalar));
}

NodeId only_reader(const Graph& graph, NodeId id) {
  const std::vector<Use>& uses = graph.value(graph.node(id).outputs[0]).uses;
  return uses.size() == 1 ? uses[0].node : NodeId{};
}

bool multiplies(const Graph& graph, NodeId id, ValueId x) {
  const Node& node = graph.node(id);
  return node.is("Mul") && (node.input(0) == x || node.input(1) == x);
}

// x -> HardSigmoid(1/6, 1/2) -> Mul(x, .)
std::vector<NodeId> from_hard_sigmoid(const Graph& graph, ValueId x, NodeId gate) {
  const Node& g = graph.node(gate);
  if (!g.is("HardSigmoid") || g.get_float("beta", 0.5f) != 0.5f) return {};
  if (std::fabs(g.get_float("alpha", 0.2f) - 1.0f / 6) > 1e-7f) return {};
  const NodeId product = only_reader(graph, gate);
  if (!product || !multiplies(graph, product, x)) return {};
  return {gate, product};
}

// x -> Add(3) -> Clip(0, 6) -> Mul(x, .) -> Div(6)
std::vector<NodeId> from_clip(const Graph& graph, ValueId x, NodeId sum) {
  if (!with_scalar(graph, graph.node(sum), "Add", 3)) return {};
  const NodeId clip = only_reader(graph, sum);
  if (!clip || !graph.node(clip).is("Clip")) return {};
  const Node& c = graph.node(clip);
  if (!is_scalar(graph, c, 1, 0) || !is_scalar(graph, c, 2, 6)) return {};
  const NodeId product = only_reader(graph, clip);
  if (!product || !multiplies(graph, product, x)) return {};
  const NodeId last = only_reader(graph, product);
  if (!last) return {};
  const Node& n = graph.node(last);
  if (!with_scalar(graph, n, "Div", 6) && !with_scalar(graph, n, "Mul", 1.0f / 6)) return {};
  return {sum, clip, product, last};
}

}  // namespace

std::vector<NodeId> match_hard_swish(const Graph& graph, ValueId x) {
  const std::vector<Use>& uses = graph.value(x).uses;
  if (uses.size() != 2) return {};
  for (const Use& use : uses)
    for (const auto match : {from_hard_sigmoid, from_clip})
      if (std::vector<NodeId> nodes = match(graph, x, use.node); !nodes.empty()) return nodes;
  return {};
}

}  // namespace precis::runtime
