// Calls of local functions, written out in place of their nodes. The importer leaves a marked node for each
// call; once the graph around it is of the canonical opset, the function's nodes take its place, brought up
// from the function's own opset, and the calls in them follow.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "precis/onnx/proto_import.h"

namespace precis::onnx_io {

// Domain of the marked nodes; their operator is the number of the function. No file can hold it.
inline constexpr const char* kCallDomain = "precis.function";

// What all calls share: names that are taken in the whole model, contents that were read already (their
// memory is held once), and what the result may cost.
class CallLedger {
 public:
  CallLedger(const Graph& graph, uint64_t memory_limit);

  std::string value_name(const std::string& base);  // `base`, or `base_1`, `base_2` ...
  std::string call_name(const std::string& base);   // likewise; what the names inside a call begin with
  Attribute& attribute(onnx::AttributeProto& proto, const std::string& where, ImportContext& context);
  Attribute& tensor(onnx::TensorProto& proto, const std::string& where, ImportContext& context);
  void charge(uint64_t bytes);  // Error(kLimit)
  bool is_first(const std::string& warning) { return warnings_.insert(warning).second; }

 private:
  using Numbers = std::unordered_map<std::string, int64_t>;  // name: the next number behind it
  static std::string unique(Numbers& taken, const std::string& base);
  void collect(const Graph& graph);

  Numbers values_, calls_;
  std::unordered_map<const void*, Attribute> contents_;
  std::set<std::string> warnings_;
  uint64_t memory_limit_, charged_ = 0;
};

// One call: what the names of its function become, and what its attributes are.
class FunctionCall {
 public:
  // `call` is the marked node; it and its attributes outlive this.
  FunctionCall(const Graph& graph, const Node& call, LocalFunction& function, CallLedger& ledger,
               ImportContext& context);

  LocalFunction& function() { return function_; }
  const std::string& name() const { return name_; }  // that of its node, made unique
  ValueId output(const std::string& inner) const;    // of the call, under the function's name for it
  std::string value_name(const std::string& inner) { return ledger_.value_name(inner_name(inner)); }
  std::string inner_name(const std::string& inner) const;  // of nodes and graphs
  // The attribute that a node in the function refers to; null when neither call nor function gives it.
  const Attribute* argument(const onnx::AttributeProto& reference, const std::string& where) const;
  Attribute attribute(onnx::AttributeProto& proto, const std::string& where, ImportContext& context) {
    return ledger_.attribute(proto, where, context);
  }
  Tensor tensor(onnx::TensorProto& proto, const std::string& where, ImportContext& context) {
    return std::get<Tensor>(ledger_.tensor(proto, where, context));
  }
  // What the function's parts take in memory, each time it is called.
  void check_and_charge(const Node& node, const std::string& where);
  void charge_value(const std::string& inner);
  void charge_graph(const Graph& graph);

 private:
  void take_arguments(const Node& call, ImportContext& context);

  LocalFunction& function_;
  CallLedger& ledger_;
  std::string name_;
  std::map<std::string, ValueId> outputs_;  // by the function's name; those that the call wants
  std::map<std::string_view, const Attribute*> arguments_;  // of the call, or defaults, which the ledger holds
};

// Writes out all calls in `graph` and its subgraphs. `memory_limit` bounds what is added.
void expand_calls(Graph& graph, ImportContext& context, uint64_t memory_limit);

}  // namespace precis::onnx_io
