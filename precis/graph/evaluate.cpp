// The slot where the runtime registers its evaluator of single nodes.
#include "precis/graph/evaluate.h"

#include <atomic>

namespace precis {
namespace {
std::atomic<NodeEvaluator> g_evaluator = nullptr;
}

void set_node_evaluator(NodeEvaluator evaluator) { g_evaluator = evaluator; }

std::optional<std::vector<Tensor>> evaluate_node(const Node& node, std::span<const Tensor> inputs,
                                                 uint64_t max_bytes) {
  const NodeEvaluator evaluator = g_evaluator;
  return evaluator == nullptr ? std::nullopt : evaluator(node, inputs, max_bytes);
}

}  // namespace precis
