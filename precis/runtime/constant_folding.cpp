// Folding by the reference operators.
#include "precis/runtime/constant_folding.h"

#include <algorithm>

#include "precis/graph/captures.h"
#include "precis/graph/inline_if.h"
#include "precis/graph/op.h"
#include "precis/runtime/reference_ops.h"

namespace precis::runtime {
namespace {

// Results above this stay computed at run time: a ConstantOfShape can be far larger than its file.
constexpr int64_t kMaxFoldedBytes = 256 << 20;

bool small_results(const Graph& graph, const Node& node) {
  for (ValueId v : node.outputs) {
    if (!v) continue;
    const ValueType& t = graph.value(v).type;
    if (fully_known(t.shape) && dense_bytes(t.storage_dtype(), to_shape(t.shape).numel()) > kMaxFoldedBytes)
      return false;
  }
  return true;
}

bool depends_on_shape_alone(const Graph& graph, const Node& node) {
  return (node.is("Shape") || node.is("Size")) && fully_known(graph.value(node.inputs[0]).type.shape);
}

bool foldable(const Graph& graph, const Node& node, const std::set<ValueId>& kept) {
  if (node.outputs.empty() || draws_random_numbers(graph, node) || has_subgraph(node)) return false;
  for (ValueId v : node.outputs)
    if (v && (kept.count(v) != 0 || is_container(graph.value(v).type.dtype))) return false;
  const bool constant = std::all_of(node.inputs.begin(), node.inputs.end(),
                                    [&](ValueId v) { return !v || graph.value(v).is_constant(); });
  return (constant || depends_on_shape_alone(graph, node)) && small_results(graph, node);
}

// Shape (from `start` to `end`) or Size of a value whose shape is known.
Tensor evaluate_shape(const Graph& graph, const Node& node) {
  const Shape shape = to_shape(graph.value(node.inputs[0]).type.shape);
  if (node.is("Size")) return Tensor::scalar<int64_t>(shape.numel());
  const int64_t rank = shape.rank();
  const auto bound = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
  const int64_t start = bound(node.get_int("start", 0)),
                end = std::max(start, bound(node.get_int("end", rank)));
  return Tensor::from<int64_t>(
      Shape{end - start},
      std::span(shape.dims()).subspan(static_cast<size_t>(start), static_cast<size_t>(end - start)));
}

std::vector<Tensor> evaluate(const Graph& graph, const Node& node) {
  if (depends_on_shape_alone(graph, node)) return {evaluate_shape(graph, node)};
  std::vector<Tensor> inputs;
  for (ValueId v : node.inputs) inputs.push_back(v ? *graph.value(v).constant : Tensor());
  return run_reference_node(graph, node, inputs);
}

// One pass in graph order; true when something was folded.
bool fold_once(Graph& graph, const std::set<ValueId>& kept) {
  bool folded = false;
  const std::vector<NodeId> order(graph.order().begin(), graph.order().end());
  for (NodeId id : order) {
    if (!foldable(graph, graph.node(id), kept)) continue;
    std::vector<Tensor> results = evaluate(graph, graph.node(id));
    const std::vector<ValueId> outputs = graph.node(id).outputs;
    graph.remove_node(id);
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i]) continue;
      Value& v = graph.value(outputs[i]);
      v.type.dtype = v.type.encoded() ? v.type.dtype : results[i].dtype();
      v.type.shape = symbolic(results[i].shape());
      v.constant = std::move(results[i]);
    }
    folded = true;
  }
  return folded;
}

// Puts branches in the place of every If whose condition is known; true when there was one.
bool inline_once(Graph& graph, const std::set<ValueId>& kept, Bodies bodies) {
  bool inlined = false;
  const std::vector<NodeId> order(graph.order().begin(), graph.order().end());
  for (NodeId id : order) {
    const Graph* branch = constant_branch(graph, id);
    const auto& outputs = graph.node(id).outputs;
    if (branch == nullptr || (bodies == Bodies::kCompiled && has_subgraphs(*branch)) ||
        std::any_of(outputs.begin(), outputs.end(), [&](ValueId v) { return v && kept.count(v) != 0; }))
      continue;
    inline_branch(graph, id);
    inlined = true;
  }
  return inlined;
}

}  // namespace

void infer_and_fold(Graph& graph, const std::vector<Shape>& input_shapes, const std::set<ValueId>& kept,
                    Bodies bodies) {
  InferOptions options;
  options.input_shapes = input_shapes;
  infer_types(graph, options);
  for (;;) {
    const bool inlined = inline_once(graph, kept, bodies);
    if (!fold_once(graph, kept) && !inlined) return;
    infer_types(graph, options);
  }
}

}  // namespace precis::runtime
