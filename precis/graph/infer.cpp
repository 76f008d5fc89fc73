// Type inference over a whole graph, node by node in order, and the MACs that follow from the shapes.
#include <map>

#include "precis/core/limits.h"
#include "precis/graph/op.h"

namespace precis {
namespace {

using Bindings = std::map<std::string, int64_t>;  // symbol -> length

void bind_symbols(SymbolicShape& shape, const Bindings& bindings) {
  if (!shape || bindings.empty()) return;
  for (Dim& d : *shape) {
    if (d.known()) continue;
    if (const auto it = bindings.find(d.symbol); it != bindings.end()) d = Dim(it->second);
  }
}

// What is declared fills what inference left open; a contradiction drops the declaration.
SymbolicShape merged(const SymbolicShape& inferred, const SymbolicShape& declared) {
  if (!inferred) return declared;
  if (!declared || declared->size() != inferred->size()) return inferred;
  SymbolicShape out = inferred;
  for (size_t i = 0; i < out->size(); ++i)
    if (!(*out)[i].known() && ((*declared)[i].known() || (*out)[i].symbol.empty()))
      (*out)[i] = (*declared)[i];
  return out;
}

class GraphInference {
 public:
  GraphInference(const Graph& graph, const InferErrorHandler& on_error)
      : graph_(graph), on_error_(on_error) {}

  Inference run(const InferOptions& options) {
    result_.types.resize(graph_.num_values());
    for (size_t i = 0; i < graph_.num_values(); ++i) {
      const Value& v = graph_.value(ValueId{static_cast<int32_t>(i)});
      if (!v.alive) continue;
      result_.types[i] = v.type;
      drop_hostile(result_.types[i].shape);
    }
    apply_input_shapes(options);
    for (NodeId id : graph_.order()) {
      try {
        node(graph_.node(id));
      } catch (const Error& e) {
        if (!on_error_) throw;
        on_error_(id, e);
        forget_outputs(graph_.node(id));
      }
    }
    return std::move(result_);
  }

 private:
  ValueType& type(ValueId id) { return result_.types[static_cast<size_t>(id.index)]; }

  // Lengths beyond any tensor count as unknown, so that no arithmetic on them can overflow (the validator
  // reports them).
  static void drop_hostile(SymbolicShape& shape) {
    if (!shape) return;
    for (Dim& d : *shape)
      if (d.value > limits().max_tensor_elements) d = Dim();
  }

  void apply_input_shapes(const InferOptions& options) {
    const auto& shapes = options.input_shapes;
    if (shapes.empty()) return;
    check(shapes.size() == graph_.inputs().size(), ErrorCode::kUsage,
          "{} input shapes for a graph of {} inputs", shapes.size(), graph_.inputs().size());
    Bindings bindings;
    for (size_t i = 0; i < shapes.size(); ++i) {
      SymbolicShape& declared = type(graph_.inputs()[i]).shape;
      if (declared && static_cast<int>(declared->size()) == shapes[i].rank())
        for (int d = 0; d < shapes[i].rank(); ++d) {
          const std::string& symbol = (*declared)[static_cast<size_t>(d)].symbol;
          if (!symbol.empty()) bindings.emplace(symbol, shapes[i][d]);
        }
      declared = symbolic(shapes[i]);
    }
    for (ValueType& t : result_.types) bind_symbols(t.shape, bindings);
  }

  void node(const Node& n) {
    const OpDecl* decl = find_op(n.domain, n.op);
    if (decl == nullptr) return;
    std::vector<const ValueType*> inputs(n.inputs.size(), nullptr);
    std::vector<const Tensor*> constants(n.inputs.size(), nullptr);
    std::vector<const PartialValue*> partials(n.inputs.size(), nullptr);
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      const ValueId in = n.inputs[i];
      if (!in) continue;
      inputs[i] = &type(in);
      if (!inputs[i]->encoded()) constants[i] = graph_.constant(in);
      if (const auto it = result_.folded.find(in); it != result_.folded.end()) partials[i] = &it->second;
    }
    InferContext ctx(graph_, n, std::move(inputs), std::move(constants), std::move(partials));
    infer_node(*decl, ctx);
    for (size_t i = 0; i < n.outputs.size(); ++i)
      if (n.outputs[i]) store(n.outputs[i], ctx.outputs[i], ctx.output_partials[i]);
  }

  // Nothing that follows may be blamed for what a broken node was declared to make.
  void forget_outputs(const Node& n) {
    for (ValueId out : n.outputs) {
      if (!out) continue;
      type(out).dtype = DType::kUndefined;
      type(out).shape.reset();
    }
  }

  void store(ValueId id, ValueType& inferred, std::optional<PartialValue>& partial) {
    ValueType& t = type(id);
    if (inferred.dtype != DType::kUndefined) t.dtype = inferred.dtype;
    t.shape = merged(inferred.shape, t.shape);
    if (partial) result_.folded.insert_or_assign(id, std::move(*partial));
  }

  const Graph& graph_;
  const InferErrorHandler& on_error_;
  Inference result_;
};

}  // namespace

Inference infer_graph(const Graph& graph, const InferOptions& options, const InferErrorHandler& on_error) {
  return GraphInference(graph, on_error).run(options);
}

void infer_types(Graph& graph, const InferOptions& options) {
  Inference inference = infer_graph(graph, options);
  for (size_t i = 0; i < graph.num_values(); ++i) {
    Value& v = graph.value(ValueId{static_cast<int32_t>(i)});
    if (v.alive) v.type = std::move(inference.types[i]);
  }
}

int64_t node_macs(const Graph& graph, NodeId id) {
  const Node& n = graph.node(id);
  const OpDecl* decl = find_op(n.domain, n.op);
  if (decl == nullptr || decl->macs == nullptr) return 0;
  const auto shapes_of = [&](const std::vector<ValueId>& ids) -> std::optional<std::vector<Shape>> {
    std::vector<Shape> shapes;
    for (ValueId v : ids) {
      if (v && !fully_known(graph.value(v).type.shape)) return std::nullopt;
      shapes.push_back(v ? to_shape(graph.value(v).type.shape) : Shape());
    }
    return shapes;
  };
  const auto inputs = shapes_of(n.inputs), outputs = shapes_of(n.outputs);
  return inputs && outputs ? decl->macs(n, *inputs, *outputs) : 0;
}

}  // namespace precis
