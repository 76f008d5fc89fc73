// Runs a graph in order. Integer chains (integer_contract.h) are one operation, run where their last node
// stands.
#include "precis/runtime/reference_engine.h"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "precis/core/text.h"
#include "precis/graph/captures.h"
#include "precis/graph/op.h"
#include "precis/runtime/control.h"
#include "precis/runtime/declared_shape.h"
#include "precis/runtime/reference_encoded.h"

namespace precis::runtime {
namespace {

void check_input(const Graph& g, ValueId id, const Tensor& t) {
  const Value& v = g.value(id);
  const DType expected = v.type.storage_dtype();
  check(t.defined() && (expected == DType::kUndefined || t.dtype() == expected), ErrorCode::kUsage,
        "input '{}' has type {}, expected {}", printable(v.name), dtype_name(t.dtype()),
        dtype_name(expected));
  if (!v.type.shape) return;
  const auto& dims = *v.type.shape;
  bool fits = static_cast<int>(dims.size()) == t.shape().rank();
  for (size_t i = 0; fits && i < dims.size(); ++i)
    fits = !dims[i].known() || dims[i].value == t.shape()[static_cast<int>(i)];
  check(fits, ErrorCode::kUsage, "input '{}' has shape {}, expected {}", printable(v.name), t.shape().str(),
        shape_str(v.type.shape));
}

// What is known of the values before the run, as plans know it: shapes as inference has them, declarations
// where it cannot tell; and which values follow from constants and those shapes alone.
class Foreknowledge {
 public:
  explicit Foreknowledge(const Graph& g) : g_(g) {
    used_ = std::any_of(g.order().begin(), g.order().end(),
                        [&](NodeId id) { return follows_contents(g, g.node(id)); });
  }

  void see(std::span<const Tensor> inputs) {
    if (!used_) return;
    InferOptions options;
    for (const Tensor& t : inputs) options.input_shapes.push_back(t.shape());
    // What cannot be inferred says so itself when it runs.
    facts_ = infer_graph(g_, options, [](NodeId, const Error&) {});
    settled_.assign(g_.num_values(), false);
    for (NodeId id : g_.order()) {
      const Node& n = g_.node(id);
      const bool settled = (n.is("Shape") || n.is("Size")) ? fully_known(shape(n.input(0))) : computed(n);
      for (ValueId v : n.outputs)
        if (v) settled_[static_cast<size_t>(v.index)] = settled;
    }
  }

  void check_result(const Node& n, std::span<const Tensor> outputs) const {
    if (used_ && follows_contents(g_, n) && !is_settled(n.input(1)))
      check_declared(n, 0, outputs[0].shape(), shape(n.output(0)));
  }

 private:
  const SymbolicShape& shape(ValueId v) const { return facts_.types[static_cast<size_t>(v.index)].shape; }
  bool is_settled(ValueId v) const {
    return !v || g_.value(v).is_constant() || settled_[static_cast<size_t>(v.index)];
  }
  bool computed(const Node& n) const {
    return !has_subgraph(n) && !draws_random_numbers(g_, n) &&
           std::all_of(n.inputs.begin(), n.inputs.end(), [&](ValueId v) { return is_settled(v); });
  }

  const Graph& g_;
  bool used_ = false;
  Inference facts_;
  std::vector<bool> settled_;  // by value
};

class Interpreter {
 public:
  Interpreter(const Graph& g, const TapFunction& tap)
      : g_(g),
        known_(g),
        tap_(tap),
        values_(g.num_values()),
        remaining_(g.num_values(), 0),
        chain_of_(g.num_node_slots(), -1) {
    for (NodeId id : g.order())
      for (ValueId v : g.node(id).inputs)
        if (v) ++remaining_[index(v)];
    for (ValueId v : g.outputs()) ++remaining_[index(v)];
    for (NodeId id : g.order()) find_chain(id);
  }

  std::vector<Tensor> run(std::span<const Tensor> inputs) {
    check(inputs.size() == g_.inputs().size(), ErrorCode::kUsage, "{} inputs given, the model has {}",
          inputs.size(), g_.inputs().size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      check_input(g_, g_.inputs()[i], inputs[i]);
      store(g_.inputs()[i], inputs[i]);
    }
    known_.see(inputs);
    for (NodeId id : g_.order()) {
      const int chain = chain_of_[static_cast<size_t>(id.index)];
      if (chain < 0)
        run_alone(id);
      else if (last_node(chains_[static_cast<size_t>(chain)]) == id)
        run_chain(chains_[static_cast<size_t>(chain)]);
    }
    std::vector<Tensor> outputs;
    for (ValueId v : g_.outputs()) outputs.push_back(value(v));
    return outputs;
  }

 private:
  static size_t index(ValueId v) { return static_cast<size_t>(v.index); }
  static NodeId last_node(const IntegerChain& c) { return c.absorbed.empty() ? c.main : c.absorbed.back(); }

  void find_chain(NodeId id) {
    auto chain = match_integer_chain(g_, id);
    if (!chain || chain->absorbed.empty()) return;
    const int number = static_cast<int>(chains_.size());
    chain_of_[static_cast<size_t>(id.index)] = number;
    for (NodeId n : chain->absorbed) chain_of_[static_cast<size_t>(n.index)] = number;
    chains_.push_back(std::move(*chain));
  }

  const Tensor& value(ValueId v) const {
    static const Tensor kOmitted;
    if (!v) return kOmitted;
    const Value& known = g_.value(v);
    if (known.is_constant()) return *known.constant;
    check(values_[index(v)].defined(), ErrorCode::kMalformed, "value '{}' is read before it is computed",
          printable(known.name));
    return values_[index(v)];
  }

  std::vector<Tensor> arguments(const Node& node) const {
    std::vector<Tensor> args;
    for (ValueId v : node.inputs) args.push_back(value(v));
    return args;
  }

  void store(ValueId v, Tensor t) {
    if (!v) return;
    if (tap_) tap_(g_.value(v).name, t);
    if (remaining_[index(v)] > 0) values_[index(v)] = std::move(t);
  }

  void release_inputs(const Node& node) {
    for (ValueId v : node.inputs)
      if (v && --remaining_[index(v)] == 0) values_[index(v)] = Tensor();
  }

  void run_alone(NodeId id) {
    const Node& node = g_.node(id);
    std::vector<Tensor> outputs =
        is_control(node) ? run_control(g_, node, arguments(node), body_runner(node))
                         : run_reference_node(g_, node, arguments(node));
    known_.check_result(node, outputs);
    for (size_t i = 0; i < node.outputs.size(); ++i) store(node.outputs[i], std::move(outputs[i]));
    release_inputs(node);
  }

  static RunBody body_runner(const Node& node) {
    return [&node](const std::string& attribute, Inputs inputs) {
      static const TapFunction kNobody;
      return Interpreter(*std::get<SubgraphPtr>(node.attributes.at(attribute)), kNobody).run(inputs);
    };
  }

  void run_chain(const IntegerChain& chain) {
    const std::vector<Tensor> args = arguments(g_.node(chain.main));
    const auto result = run_integer_chain(g_, chain, args, value(chain.residual));
    if (!result) {
      run_alone(chain.main);
      for (NodeId id : chain.absorbed) run_alone(id);
      return;
    }
    if (tap_) tap_inner_values(chain);
    store(chain.output, *result);
    release_inputs(g_.node(chain.main));
    for (NodeId id : chain.absorbed) release_inputs(g_.node(id));
  }

  // The values inside a chain exist only for those who watch: each node on its own, from the one before.
  void tap_inner_values(const IntegerChain& chain) {
    std::vector<NodeId> nodes{chain.main};
    nodes.insert(nodes.end(), chain.absorbed.begin(), chain.absorbed.end());
    nodes.pop_back();
    Tensor previous;
    for (size_t i = 0; i < nodes.size(); ++i) {
      const Node& node = g_.node(nodes[i]);
      std::vector<Tensor> args;
      for (ValueId v : node.inputs)
        args.push_back(i > 0 && v == g_.node(nodes[i - 1]).outputs[0] ? previous : value(v));
      previous = run_reference_node(g_, node, args)[0];
      tap_(g_.value(node.outputs[0]).name, previous);
    }
  }

  const Graph& g_;
  Foreknowledge known_;
  const TapFunction& tap_;
  std::vector<Tensor> values_;
  std::vector<int64_t> remaining_;  // uses left, outputs counted as one
  std::vector<int> chain_of_;       // by node slot
  std::vector<IntegerChain> chains_;
};

Tensors checked_outputs(const Node& node, Tensors outputs) {
  outputs.resize(node.outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!node.outputs[i])
      outputs[i] = Tensor();
    else if (!outputs[i].defined())
      fail_node(node, ErrorCode::kUnsupported, "output {} is not computed", i);
  }
  return outputs;
}

bool has_open_bodies(const Graph& g) {
  return std::any_of(g.order().begin(), g.order().end(), [&](NodeId id) {
    return has_subgraph(g.node(id)) && g.node(id).domain.empty();
  });
}

}  // namespace

Tensors run_plain_node(const Graph& g, const Node& node, Inputs inputs) {
  const ReferenceOp* op = find_reference_op(node.domain, node.op);
  if (op == nullptr) fail_node(node, ErrorCode::kUnsupported, "there is no kernel for this operator");
  const std::string who = describe(g, node);
  try {
    const OpDecl* decl = find_op(node.domain, node.op);
    for (const Tensor& t : inputs)
      check(!is_container(t.dtype()) || (decl != nullptr && decl->takes_containers), ErrorCode::kMalformed,
            "{}: an input is {}, expected a tensor", who, dtype_name(t.dtype()));
    for (const Tensor& t : inputs)
      check(t.shape().rank() <= kMaxRank, ErrorCode::kLimit,
            "{}: an input has rank {}, at most {} is supported", who, t.shape().rank(), kMaxRank);
    return checked_outputs(node, op->run(node, inputs));
  } catch (const Error& e) {
    const std::string message = e.what();
    if (message.rfind(describe(node), 0) == 0 || message.rfind(who, 0) == 0) throw;
    throw Error(e.code(), who + ": " + message);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kLimit, who + ": out of memory");
  } catch (const std::length_error&) {
    throw Error(ErrorCode::kLimit, who + ": out of memory");
  }
}

std::vector<Tensor> run_reference_node(const Graph& g, const Node& node, std::span<const Tensor> inputs) {
  if (!touches_codes(g, node)) return run_plain_node(g, node, inputs);
  return checked_outputs(node, run_encoded_node(g, node, inputs));
}

std::vector<Tensor> run_reference(const Graph& g, std::span<const Tensor> inputs, const TapFunction& tap) {
  if (!has_open_bodies(g)) return Interpreter(g, tap).run(inputs);
  Graph closed = g;
  infer_types(closed);  // a loop that takes no step makes its results from their types
  close_subgraphs(closed, OuterConstants::kCopied);
  return Interpreter(closed, tap).run(inputs);
}

}  // namespace precis::runtime
