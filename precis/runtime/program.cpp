// Preparing a graph and compiling plans.
#include "precis/runtime/program.h"

#include <algorithm>
#include <map>

#include "precis/core/check.h"
#include "precis/graph/captures.h"
#include "precis/graph/fusions/fusions.h"
#include "precis/graph/op.h"
#include "precis/graph/widen_half.h"
#include "precis/runtime/constant_folding.h"
#include "precis/runtime/control.h"
#include "precis/runtime/float_islands.h"
#include "precis/runtime/reference_ops.h"

namespace precis::runtime {
namespace {

constexpr size_t kMaxListed = 20;  // nodes named in one message

using MissingOps = std::map<std::string, std::pair<std::string, int>>;  // operator -> first node, count

void find_missing(const Graph& graph, MissingOps& missing) {
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    for (const auto& [key, attribute] : node.attributes)
      if (const auto* body = std::get_if<SubgraphPtr>(&attribute)) find_missing(**body, missing);
    if (node.domain == "precis" || (node.domain.empty() && has_subgraph(node)) ||
        find_reference_op(node.domain, node.op) != nullptr)
      continue;
    const std::string op = node.domain.empty() ? node.op : node.domain + "::" + node.op;
    auto& entry = missing[op];
    if (entry.second++ == 0) entry.first = node.name;
  }
}

void check_operators(const Graph& graph) {
  MissingOps missing;
  find_missing(graph, missing);
  if (missing.empty()) return;
  std::string list;
  size_t listed = 0;
  for (const auto& [op, where] : missing) {
    if (listed++ == kMaxListed) break;
    list += fmt::format("{}{} ({} node{}, first '{}')", list.empty() ? "" : ", ", op, where.second,
                        where.second == 1 ? "" : "s", where.first);
  }
  fail(ErrorCode::kUnsupported, "no kernel for {} operator{}: {}; the model cannot be run here",
       missing.size(), missing.size() == 1 ? "" : "s", list);
}

// A body as a graph that takes inputs of any shape: what files declare for them are hints.
Graph open_shapes(Graph body) {
  for (size_t i = 0; i < body.inputs().size(); ++i) {
    ValueType type = body.value(body.inputs()[i]).type;
    type.shape.reset();
    body.set_input_type(i, std::move(type));
  }
  return body;
}

bool has_all_types(const Graph& body) {
  return std::all_of(body.inputs().begin(), body.inputs().end(),
                     [&](ValueId v) { return body.value(v).type.dtype != DType::kUndefined; });
}

std::map<NodeId, BodyPrograms> compile_bodies(const Graph& graph) {
  std::map<NodeId, BodyPrograms> programs;
  for (NodeId id : graph.order())
    for (const auto& [key, attribute] : graph.node(id).attributes)
      if (const auto* body = std::get_if<SubgraphPtr>(&attribute);
          body && is_control(graph.node(id)) && has_all_types(**body))
        programs[id][key] = Program::compile(open_shapes(**body));
  return programs;
}

std::set<ValueId> find_taps(const Graph& graph, const std::vector<std::string>& names) {
  std::set<ValueId> taps;
  for (const std::string& name : names) {
    const ValueId id = graph.find_value(name);
    check(static_cast<bool>(id), ErrorCode::kUsage, "tap '{}': the graph has no value of this name", name);
    taps.insert(id);
  }
  return taps;
}

}  // namespace

std::shared_ptr<const Plan> PlanCache::get(const Key& key,
                                           const std::function<std::shared_ptr<const Plan>()>& compile) {
  const auto find = [&]() -> std::shared_ptr<const Plan> {
    for (auto it = plans_.begin(); it != plans_.end(); ++it)
      if (it->first == key) {
        plans_.splice(plans_.begin(), plans_, it);
        return plans_.front().second;
      }
    return nullptr;
  };
  {
    const std::lock_guard lock(mutex_);
    if (auto plan = find()) return plan;
  }
  // Compiled without that lock: other sessions keep running. Those that want a new plan, too, wait: side by
  // side they would make the same kernels and get in each other's way.
  const std::lock_guard one_at_a_time(compiling_);
  {
    const std::lock_guard lock(mutex_);
    if (auto plan = find()) return plan;
  }
  auto plan = compile();
  const std::lock_guard lock(mutex_);
  plans_.emplace_front(key, plan);
  if (plans_.size() > kMaxPlans) plans_.pop_back();
  return plan;
}

Program::Program() : impl_(std::make_unique<Impl>()) {}
Program::~Program() = default;
const Graph& Program::graph() const { return impl_->given; }

std::shared_ptr<const Program> Program::compile(const Graph& graph, const ProgramOptions& options) {
  check_operators(graph);
  std::shared_ptr<Program> program(new Program);
  Impl& impl = *program->impl_;
  impl.given = graph;
  impl.prepared = graph;
  impl.engine = options.engine;
  infer_types(impl.prepared);  // integer chains are found by the types of the values inside them
  const bool fast = impl.engine == Engine::kFast;
  if (fast) widen_half_precision(impl.prepared);
  close_subgraphs(impl.prepared, OuterConstants::kCopied);
  impl.taps = find_taps(impl.prepared, options.taps);
  impl.taps_as_laid_out = options.taps_as_laid_out;
  if (!fast) return program;
  infer_and_fold(impl.prepared, {}, impl.taps, Bodies::kNotCompiled);
  impl.bodies = compile_bodies(impl.prepared);
  return program;
}

std::shared_ptr<const Plan> Program::Impl::plan(const std::vector<Shape>& shapes, int threads) const {
  return plans.get({shapes, threads}, [&]() -> std::shared_ptr<const Plan> {
    auto graph = std::make_shared<Graph>(prepared);
    infer_and_fold(*graph, shapes, taps, Bodies::kCompiled);
    // A tapped value may lie inside of what a fusion would take away.
    if (taps.empty()) fusions::fuse_all(*graph, {.input_shapes = shapes});
    split_float_islands(*graph);
    return PlanBuilder(std::move(graph), weights, {taps, taps_as_laid_out}, bodies, threads).build();
  });
}

void Program::Impl::check_inputs(std::span<const Tensor> inputs) const {
  const auto declared = given.inputs();
  check(inputs.size() == declared.size(), ErrorCode::kUsage, "the model takes {} input{}, {} given",
        declared.size(), declared.size() == 1 ? "" : "s", inputs.size());
  std::vector<Shape> shapes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& v = given.value(declared[i]);
    check(inputs[i].dtype() == v.type.storage_dtype(), ErrorCode::kUsage,
          "input '{}' is {}, the model expects {}", v.name, dtype_name(inputs[i].dtype()),
          dtype_name(v.type.storage_dtype()));
    shapes.push_back(inputs[i].shape());
  }
  check_shapes(shapes);
}

void Program::Impl::check_shapes(std::span<const Shape> shapes) const {
  std::map<std::string, int64_t> symbols;
  const auto declared = given.inputs();
  check(shapes.size() == declared.size(), ErrorCode::kUsage, "the model takes {} input{}, {} shape{} given",
        declared.size(), declared.size() == 1 ? "" : "s", shapes.size(), shapes.size() == 1 ? "" : "s");
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Value& v = given.value(declared[i]);
    if (!v.type.shape) continue;
    const std::vector<Dim>& dims = *v.type.shape;
    bool fits = shapes[i].rank() == static_cast<int>(dims.size());
    for (size_t d = 0; fits && d < dims.size(); ++d) {
      const int64_t length = shapes[i].dims()[d];
      if (dims[d].known()) fits = dims[d].value == length;
      if (!dims[d].symbol.empty()) fits = symbols.emplace(dims[d].symbol, length).first->second == length;
    }
    check(fits, ErrorCode::kUsage, "input '{}' has shape {}, the model expects {}", v.name, shapes[i].str(),
          shape_str(v.type.shape));
  }
}

}  // namespace precis::runtime
