// See function_call.h.
#include "precis/onnx/function_call.h"

#include "precis/core/check.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/graph/node_label.h"
#include "precis/onnx/node_importer.h"

namespace precis::onnx_io {
namespace {

// What a node, a value and a graph take in memory, roughly, beside their names and attributes.
constexpr uint64_t kNodeBytes = 400, kValueBytes = 350, kGraphBytes = 700;

uint64_t attribute_bytes(const Attribute& a) {
  constexpr uint64_t kOwn = sizeof(Attribute) + 80;
  if (const auto* s = std::get_if<std::string>(&a)) return kOwn + s->size();
  if (const auto* v = std::get_if<std::vector<int64_t>>(&a)) return kOwn + v->size() * sizeof(int64_t);
  if (const auto* v = std::get_if<std::vector<float>>(&a)) return kOwn + v->size() * sizeof(float);
  if (const auto* v = std::get_if<std::vector<Tensor>>(&a)) return kOwn + v->size() * sizeof(Tensor);
  if (const auto* v = std::get_if<std::vector<std::string>>(&a)) {
    uint64_t bytes = kOwn;
    for (const std::string& s : *v) bytes += sizeof(s) + s.size();
    return bytes;
  }
  return kOwn;
}

}  // namespace

CallLedger::CallLedger(const Graph& graph, uint64_t memory_limit) : memory_limit_(memory_limit) {
  collect(graph);
}

void CallLedger::collect(const Graph& graph) {
  for (size_t i = 0; i < graph.num_values(); ++i)
    values_.emplace(graph.value(ValueId{static_cast<int32_t>(i)}).name, 1);
  for (NodeId id : graph.order())
    for (const auto& [key, attribute] : graph.node(id).attributes)
      if (const auto* body = std::get_if<SubgraphPtr>(&attribute)) collect(**body);
}

std::string CallLedger::unique(Numbers& taken, const std::string& base) {
  if (taken.emplace(base, 1).second) return base;
  for (;;) {
    std::string name = base + "_" + fmt::to_string(taken[base]++);
    if (taken.emplace(name, 1).second) return name;
  }
}

std::string CallLedger::value_name(const std::string& base) { return unique(values_, base); }
std::string CallLedger::call_name(const std::string& base) { return unique(calls_, base); }

Attribute& CallLedger::attribute(onnx::AttributeProto& proto, const std::string& where,
                                 ImportContext& context) {
  const auto it = contents_.find(&proto);
  if (it != contents_.end()) return it->second;
  return contents_.emplace(&proto, import_attribute(proto, where, context)).first->second;
}

Attribute& CallLedger::tensor(onnx::TensorProto& proto, const std::string& where, ImportContext& context) {
  const auto it = contents_.find(&proto);
  if (it != contents_.end()) return it->second;
  return contents_.emplace(&proto, import_tensor(proto, where, context.tensors)).first->second;
}

void CallLedger::charge(uint64_t bytes) {
  charged_ += bytes;
  check(charged_ <= memory_limit_, ErrorCode::kLimit,
        "with its local functions written out the graph would take more memory than the limit of {}; raise "
        "--max-memory if you trust the file",
        format_bytes(memory_limit_));
}

FunctionCall::FunctionCall(const Graph& graph, const Node& call, LocalFunction& function, CallLedger& ledger,
                           ImportContext& context)
    : function_(function), ledger_(ledger) {
  std::string base = node_label(graph, call);
  if (base.empty()) base = function.proto.name();
  name_ = ledger.call_name(base);
  const auto& f = function.proto;
  const int in = static_cast<int>(call.inputs.size()), out = static_cast<int>(call.outputs.size());
  check(in <= f.input_size(), ErrorCode::kMalformed, "it gives {} inputs, the function has {}", in,
        f.input_size());
  check(out <= f.output_size(), ErrorCode::kMalformed, "it takes {} outputs, the function has {}", out,
        f.output_size());
  for (int i = 0; i < out; ++i)
    if (const ValueId id = call.outputs[static_cast<size_t>(i)]) outputs_.emplace(f.output(i), id);
  take_arguments(call, context);
}

void FunctionCall::take_arguments(const Node& call, ImportContext& context) {
  for (const auto& [name, value] : call.attributes) {
    check(!std::holds_alternative<SubgraphPtr>(value), ErrorCode::kUnsupported,
          "its attribute '{}' is a graph; graphs as attributes of local functions are not supported",
          printable(name));
    if (function_.has_attribute(name)) {
      arguments_.emplace(name, &value);
      continue;
    }
    const std::string warning = fmt::format(
        "attribute '{}' of calls of function '{}' was dropped, the function has no such attribute",
        printable(name), function_.label);
    if (ledger_.is_first(warning)) context.warnings.push_back(warning);
  }
  for (auto& a : function_.defaults)
    if (arguments_.count(a.name()) == 0)
      arguments_.emplace(a.name(),
                         &ledger_.attribute(a, "default of attribute '" + printable(a.name()) + "'", context));
}

ValueId FunctionCall::output(const std::string& inner) const {
  const auto it = outputs_.find(inner);
  return it == outputs_.end() ? ValueId{} : it->second;
}

// Names of calls in calls grow; beyond what a name may have the inner name stands alone.
std::string FunctionCall::inner_name(const std::string& inner) const {
  if (inner.empty() || name_.size() + inner.size() + 32 > limits().max_name_bytes) return inner;
  return name_ + "/" + inner;
}

const Attribute* FunctionCall::argument(const onnx::AttributeProto& reference,
                                        const std::string& where) const {
  const std::string& name = reference.ref_attr_name();
  check(function_.has_attribute(name), ErrorCode::kMalformed,
        "{}: it refers to the attribute '{}', which the function does not have", where, printable(name));
  const auto it = arguments_.find(name);
  if (it == arguments_.end()) return nullptr;
  const std::string expected = kind_of(reference.type()), found = attribute_kind(*it->second);
  check(expected.empty() || expected == found, ErrorCode::kMalformed,
        "{}: it refers to the attribute '{}' of kind {}, expected {}", where, printable(name), found,
        expected);
  return it->second;
}

void FunctionCall::check_and_charge(const Node& node, const std::string& where) {
  check(!node.domain.empty() || function_.opset > 0, ErrorCode::kMalformed,
        "{}: the function imports no opset for the ONNX operators (domain '')", where);
  uint64_t bytes = kNodeBytes + node.name.size() + 24 * (node.inputs.size() + node.outputs.size());
  for (const auto& [key, value] : node.attributes) bytes += key.size() + attribute_bytes(value);
  ledger_.charge(bytes);
}

void FunctionCall::charge_value(const std::string& inner) {
  ledger_.charge(kValueBytes + 4 * (name_.size() + inner.size()));  // ledger, graph and its table hold it
}

void FunctionCall::charge_graph(const Graph& graph) { ledger_.charge(kGraphBytes + graph.name.size()); }

}  // namespace precis::onnx_io
