// Type inference over a whole graph, node by node in order, and the MACs that follow from the shapes.
#include <map>

#include "precis/core/limits.h"
#include "precis/graph/captures.h"
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
  GraphInference(const Graph& graph, const InferOptions& options, const InferErrorHandler& on_error)
      : graph_(graph), options_(options), on_error_(on_error) {}

  Inference run() {
    result_.types.resize(graph_.num_values());
    for (size_t i = 0; i < graph_.num_values(); ++i) {
      const Value& v = graph_.value(ValueId{static_cast<int32_t>(i)});
      if (!v.alive) continue;
      result_.types[i] = v.type;
      drop_hostile(result_.types[i].shape);
      if (v.captured) capture(ValueId{static_cast<int32_t>(i)}, v.name);
    }
    apply_input_shapes();
    apply_body_inputs();
    for (NodeId id : graph_.order()) {
      try {
        node(id);
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

  void capture(ValueId id, const std::string& name) {
    const OuterValue outer = options_.outer ? options_.outer(name) : OuterValue();
    if (outer.type == nullptr) return;
    type(id) = *outer.type;
    learn(id, outer.constant, outer.partial);
  }

  // What the bodies of this graph's nodes find under a name.
  OuterValue visible(const std::string& name) const {
    const ValueId id = graph_.find_value(name);
    if (!id) return options_.outer ? options_.outer(name) : OuterValue();
    const ValueType& t = result_.types[static_cast<size_t>(id.index)];
    const auto partial = result_.folded.find(id);
    return {&t, t.encoded() ? nullptr : constant(id),
            partial == result_.folded.end() ? nullptr : &partial->second};
  }

  const Tensor* constant(ValueId id) const {
    const auto outer = outer_constants_.find(id);
    return outer != outer_constants_.end() ? outer->second : graph_.constant(id);
  }

  void apply_body_inputs() {
    const auto& given = options_.inputs;
    for (size_t i = 0; i < given.size() && i < graph_.inputs().size(); ++i) {
      const ValueId id = graph_.inputs()[i];
      const DType declared = type(id).dtype;
      type(id) = given[i].type;
      if (type(id).dtype == DType::kUndefined) type(id).dtype = declared;
      learn(id, given[i].constant, given[i].partial);
    }
  }

  void learn(ValueId id, const Tensor* constant, const PartialValue* partial) {
    if (constant != nullptr) outer_constants_[id] = constant;
    if (partial != nullptr) result_.folded.insert_or_assign(id, *partial);
  }

  void apply_input_shapes() {
    const auto& shapes = options_.input_shapes;
    if (shapes.empty()) return;
    check(shapes.size() == graph_.inputs().size(), ErrorCode::kUsage,
          "{} input shapes for a graph of {} inputs", shapes.size(), graph_.inputs().size());
    Bindings bindings;
    for (size_t i = 0; i < shapes.size(); ++i) {
      if (is_container(type(graph_.inputs()[i]).dtype)) continue;  // have no shape
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

  void node(NodeId id) {
    const Node& n = graph_.node(id);
    const OpDecl* decl = find_op(n.domain, n.op);
    if (decl == nullptr) return;
    std::vector<const ValueType*> inputs(n.inputs.size(), nullptr);
    std::vector<const Tensor*> constants(n.inputs.size(), nullptr);
    std::vector<const PartialValue*> partials(n.inputs.size(), nullptr);
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      const ValueId in = n.inputs[i];
      if (!in) continue;
      inputs[i] = &type(in);
      if (!inputs[i]->encoded()) constants[i] = constant(in);
      if (const auto it = result_.folded.find(in); it != result_.folded.end()) partials[i] = &it->second;
    }
    InferContext ctx(graph_, n, std::move(inputs), std::move(constants), std::move(partials));
    ctx.set_outer([this](const std::string& name) { return visible(name); }, options_.depth);
    infer_node(*decl, ctx);
    if (!ctx.bodies.empty()) result_.bodies[id] = std::move(ctx.bodies);
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
    t.shape = is_container(t.dtype) ? std::nullopt : merged(inferred.shape, t.shape);
    if (inferred.element != nullptr) t.element = inferred.element;
    if (partial) result_.folded.insert_or_assign(id, std::move(*partial));
  }

  const Graph& graph_;
  const InferOptions& options_;
  const InferErrorHandler& on_error_;
  std::map<ValueId, const Tensor*> outer_constants_;  // behind captured values
  Inference result_;
};

void apply(Graph& graph, Inference&& inference) {
  for (size_t i = 0; i < graph.num_values(); ++i) {
    Value& v = graph.value(ValueId{static_cast<int32_t>(i)});
    if (v.alive) v.type = std::move(inference.types[i]);
  }
  for (auto& [node, bodies] : inference.bodies)
    for (auto& [attribute, body] : bodies)
      apply(*std::get<SubgraphPtr>(graph.node(node).attributes.at(attribute)), std::move(*body));
}

}  // namespace

Inference infer_graph(const Graph& graph, const InferOptions& options, const InferErrorHandler& on_error) {
  return GraphInference(graph, options, on_error).run();
}

void infer_types(Graph& graph, const InferOptions& options) { apply(graph, infer_graph(graph, options)); }

void InferContext::set_outer(OuterScope outer, int depth) {
  outer_ = std::move(outer);
  depth_ = depth;
}

const Graph& InferContext::body(const char* attribute) const {
  const Attribute* a = node_.find(attribute);
  const auto* graph = a != nullptr ? std::get_if<SubgraphPtr>(a) : nullptr;
  require(graph != nullptr, "attribute '{}' holds no graph", attribute);
  return **graph;
}

std::vector<ValueType> InferContext::infer_body(const char* attribute, std::vector<ValueType> inputs) {
  const Graph& graph = body(attribute);
  require(depth_ < limits().max_subgraph_depth, "subgraphs are nested more than {} deep",
          limits().max_subgraph_depth);
  InferOptions options;
  for (ValueType& t : inputs) options.inputs.push_back({std::move(t)});
  for (size_t i = num_inputs() - closed_inputs(node_); i < num_inputs(); ++i)
    options.inputs.push_back({input(i), constant(i), i < partials_.size() ? partials_[i] : nullptr});
  options.outer = outer_;
  options.depth = depth_ + 1;
  auto inference = std::make_shared<Inference>(infer_graph(graph, options));
  std::vector<ValueType> types;
  for (ValueId out : graph.outputs()) types.push_back(inference->types[static_cast<size_t>(out.index)]);
  bodies[attribute] = std::move(inference);
  return types;
}

std::optional<PartialValue> InferContext::body_partial(const char* attribute, size_t i) const {
  const auto found = bodies.find(attribute);
  if (found == bodies.end()) return std::nullopt;
  const Graph& graph = body(attribute);
  const ValueId out = graph.outputs()[i];
  if (const auto known = found->second->folded.find(out); known != found->second->folded.end())
    return known->second;
  const Tensor* constant = graph.value(out).type.encoded() ? nullptr : graph.constant(out);
  return constant == nullptr ? std::nullopt : PartialValue::from(*constant);
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
  if (!inputs || !outputs) return 0;
  try {
    return decl->macs(n, *inputs, *outputs);
  } catch (const Error& e) {
    throw Error(e.code(), describe(graph, n) + ": its products cannot be counted: " + e.what());
  }
}

}  // namespace precis
