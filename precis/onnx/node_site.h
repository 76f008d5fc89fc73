// One node on its way to other operators: what a rule asks about it, and how it builds what stands in front
// of it. Private to the rules (expand_*.cpp, microsoft_*.cpp).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "precis/core/text.h"
#include "precis/graph/builder.h"

namespace precis::onnx_io {

class NodeSite {
 public:
  NodeSite(Graph& graph, NodeId id) : g(graph), id_(id), b_(GraphBuilder::before(graph, id)) {}

  const Node& node() const { return g.node(id_); }
  ValueId in(size_t i) const { return node().input(i); }
  bool wants(size_t output) const {
    const ValueId v = node().output(output);
    return v && (!g.value(v).uses.empty() || g.is_output(v));
  }
  const Tensor* constant(size_t i) const { return g.constant(in(i)); }
  DType dtype(size_t i) const { return g.value(in(i)).type.dtype; }

  // Nodes in front of this one; their values are named after its result.
  ValueId op(std::string_view op, std::vector<ValueId> inputs, GraphBuilder::Attributes attributes = {}) {
    return b_.op(op, std::move(inputs), std::move(attributes), base() + "/" + to_lower(op));
  }
  std::vector<ValueId> ops(std::string_view op, std::vector<ValueId> inputs, size_t outputs,
                           GraphBuilder::Attributes attributes = {}) {
    return b_.op_outputs(op, std::move(inputs),
                         std::vector<std::string>(outputs, base() + "/" + to_lower(op)),
                         std::move(attributes));
  }
  ValueId constant(Tensor t, const char* what) { return b_.constant(std::move(t), base() + "/" + what); }
  ValueId ints(std::vector<int64_t> values, const char* what) {
    return b_.ints(std::move(values), base() + "/" + what);
  }
  // A scalar of the type of input `like`.
  ValueId scalar(float value, const char* what, size_t like = 0) {
    const DType type = dtype(like) == DType::kUndefined ? DType::kF32 : dtype(like);
    return constant(Tensor::scalar(value).cast(type), what);
  }
  // The node itself becomes the last of them.
  void become(const char* op, std::vector<ValueId> inputs, std::map<std::string, Attribute> attributes = {}) {
    g.node(id_).op = op;
    g.node(id_).outputs.resize(1);  // a rule that comes here has made sure that nobody reads the others
    g.node(id_).attributes = std::move(attributes);
    g.set_inputs(id_, std::move(inputs));
  }

  Graph& g;

 private:
  std::string base() const { return g.value(node().outputs[0]).name; }
  NodeId id_;
  GraphBuilder b_;
};

}  // namespace precis::onnx_io
