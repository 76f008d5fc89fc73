// The local functions of a model: taken out of the file, found by their ids, and checked as a whole before
// any call is written out, so that a small file cannot ask for a graph without end.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "precis/onnx/proto_messages.h"

namespace precis::onnx_io {

struct LocalFunction {
  onnx::FunctionProto proto;
  std::vector<onnx::AttributeProto> defaults;  // attributes with a default value
  std::string label;                           // "domain::name", and ":overload" where there is one
  int opset = 0;                               // of domain ""; 0: it imports none

  bool has_attribute(const std::string& name) const;
};

class FunctionTable {
 public:
  FunctionTable() = default;
  // Takes the functions out of `model`. Errors: kMalformed (ids, parameters and attributes that are given
  // twice, functions that call themselves), kUnsupported (opsets), kLimit (limits().max_functions,
  // max_call_depth and, for the whole graph written out, max_nodes).
  explicit FunctionTable(onnx::ModelProto& model);

  bool empty() const { return functions_.empty(); }
  size_t size() const { return functions_.size(); }
  // The function that a node calls, or -1. A function comes before the operator of the same name.
  int find(const onnx::NodeProto& node) const;
  LocalFunction& at(int function) { return functions_[static_cast<size_t>(function)]; }
  const LocalFunction& at(int function) const { return functions_[static_cast<size_t>(function)]; }
  int64_t uncalled() const {
    return uncalled_;
  }  // functions that nothing in the graph calls, directly or not

 private:
  using Id = std::tuple<std::string, std::string, std::string>;  // domain, name, overload
  void add(onnx::FunctionProto& proto);

  std::vector<LocalFunction> functions_;
  std::map<Id, int> by_id_;
  int64_t uncalled_ = 0;
};

// "ai.onnx" is another name of the domain "".
std::string canonical_domain(const std::string& domain);

}  // namespace precis::onnx_io
