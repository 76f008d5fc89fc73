// Evaluates single nodes on constants for passes that fold (graph/evaluate.h), with the reference operators.
#include "precis/graph/evaluate.h"

#include "precis/graph/op.h"
#include "precis/runtime/reference_ops.h"
#include "precis/runtime/session.h"

namespace precis::runtime {
namespace {

// A graph of the node alone, its inputs as constants: shape inference then tells the outputs' sizes before
// they are made.
Graph graph_of(const Node& node, std::span<const Tensor> inputs) {
  Graph g;
  Node copy = node;
  for (size_t i = 0; i < copy.inputs.size(); ++i)
    copy.inputs[i] = i < inputs.size() && inputs[i].defined()
                         ? g.add_constant("input" + std::to_string(i), inputs[i])
                         : ValueId{};
  std::vector<ValueId> outputs;
  for (size_t i = 0; i < copy.outputs.size(); ++i)
    if (copy.outputs[i]) outputs.push_back(copy.outputs[i] = g.add_value("output" + std::to_string(i)));
  g.add_node(std::move(copy));
  g.set_outputs(std::move(outputs));
  infer_types(g);
  return g;
}

bool fits(uint64_t& left, uint64_t bytes) {
  if (bytes > left) return false;
  left -= bytes;
  return true;
}

bool known_sizes_fit(const Graph& g, uint64_t max_bytes) {
  for (ValueId v : g.outputs()) {
    const ValueType& t = g.value(v).type;
    if (t.dtype != DType::kUndefined && fully_known(t.shape) &&
        !fits(max_bytes, static_cast<uint64_t>(dense_bytes(t.dtype, to_shape(t.shape).numel()))))
      return false;
  }
  return true;
}

std::optional<std::vector<Tensor>> evaluate(const Node& node, std::span<const Tensor> inputs,
                                            uint64_t max_bytes) {
  if (find_reference_op(node.domain, node.op) == nullptr) return std::nullopt;
  try {
    const Graph g = graph_of(node, inputs);
    if (!known_sizes_fit(g, max_bytes)) return std::nullopt;
    auto outputs = run_reference_node(g, g.node(g.order()[0]), inputs);
    for (const Tensor& t : outputs)
      if (is_container(t.dtype()) || !fits(max_bytes, static_cast<uint64_t>(t.nbytes()))) return std::nullopt;
    return outputs;
  } catch (const Error& e) {
    // A node that cannot run stays in the graph; whoever runs it gets the message.
    if (e.code() == ErrorCode::kInternal) throw;
    return std::nullopt;
  }
}

}  // namespace

void register_evaluator() { set_node_evaluator(evaluate); }

}  // namespace precis::runtime
