// Preparing a graph and compiling plans.
#include "precis/runtime/program.h"

#include <algorithm>
#include <map>

#include "precis/core/check.h"
#include "precis/graph/op.h"
#include "precis/graph/widen_half.h"
#include "precis/runtime/constant_folding.h"
#include "precis/runtime/float_islands.h"
#include "precis/runtime/reference_ops.h"

namespace precis::runtime {
namespace {

constexpr size_t kMaxListed = 20;  // nodes named in one message

void check_operators(const Graph& graph) {
  std::map<std::string, std::pair<std::string, int>> missing;  // operator -> first node, count
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.domain == "precis" || find_reference_op(node.domain, node.op) != nullptr) continue;
    const std::string op = node.domain.empty() ? node.op : node.domain + "::" + node.op;
    auto& entry = missing[op];
    if (entry.second++ == 0) entry.first = node.name;
  }
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
  // Compiled without the lock: other sessions keep running. Two may compile the same plan; the first one
  // stays.
  auto plan = compile();
  const std::lock_guard lock(mutex_);
  if (auto known = find()) return known;
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
  impl.taps = find_taps(impl.prepared, options.taps);
  impl.taps_as_laid_out = options.taps_as_laid_out;
  if (fast) infer_and_fold(impl.prepared, {}, impl.taps);
  return program;
}

std::shared_ptr<const Plan> Program::Impl::plan(const std::vector<Shape>& shapes, int threads) const {
  return plans.get({shapes, threads}, [&]() -> std::shared_ptr<const Plan> {
    auto graph = std::make_shared<Graph>(prepared);
    infer_and_fold(*graph, shapes, taps);
    split_float_islands(*graph);
    return PlanBuilder(std::move(graph), weights, {taps, taps_as_laid_out}, threads).build();
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
