// One node of domain com.microsoft on its way to ONNX's own operators: what its rule asks and builds with.
// Private to the rules (microsoft_*.cpp).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "precis/core/check.h"
#include "precis/graph/builder.h"

namespace precis::onnx_io {

class MicrosoftSite {
 public:
  MicrosoftSite(Graph& graph, NodeId id) : g(graph), id_(id), b_(GraphBuilder::before(graph, id)) {}

  const Node& node() const { return g.node(id_); }
  ValueId in(size_t i) const { return node().input(i); }
  bool wants(size_t output) const {
    const ValueId v = node().output(output);
    return v && (!g.value(v).uses.empty() || g.is_output(v));
  }
  const Tensor* constant(size_t i) const { return g.constant(in(i)); }
  // A constant input; kUnsupported when it is computed.
  const Tensor& required_constant(size_t i) const;
  DType dtype(size_t i) const { return g.value(in(i)).type.dtype; }
  // kUnsupported where the model does not tell.
  int rank(size_t i) const;
  template <typename... Args>
  [[noreturn]] void unsupported(fmt::format_string<Args...> format, Args&&... args) const {
    throw Error(ErrorCode::kUnsupported,
                describe(g, node()) + ": " + fmt::format(format, std::forward<Args>(args)...));
  }

  // Nodes in front of this one; their values are named after its result.
  ValueId op(std::string_view op, std::vector<ValueId> inputs, GraphBuilder::Attributes attributes = {}) {
    return b_.op(op, std::move(inputs), std::move(attributes), base() + "/" + suffix(op));
  }
  std::vector<ValueId> ops(std::string_view op, std::vector<ValueId> inputs, size_t outputs,
                           GraphBuilder::Attributes attributes = {}) {
    return b_.op_outputs(op, std::move(inputs), std::vector<std::string>(outputs, base() + "/" + suffix(op)),
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
  ValueId add_if(ValueId x, ValueId summand) { return summand ? op("Add", {x, summand}) : x; }
  // Attributes of the node with these names, as they are.
  GraphBuilder::Attributes kept(std::initializer_list<const char*> names) const;

  Graph& g;

 private:
  static std::string suffix(std::string_view op);
  std::string base() const { return g.value(node().outputs[0]).name; }
  NodeId id_;
  GraphBuilder b_;
};

// A rule gives the values that replace the node's outputs; {} for one that nobody can have asked for.
using MicrosoftRule = std::vector<ValueId> (*)(MicrosoftSite& site);
struct MicrosoftEntry {
  const char* op;
  MicrosoftRule rule;
};
std::span<const MicrosoftEntry> microsoft_fused_rules();
std::span<const MicrosoftEntry> microsoft_quantized_rules();
std::span<const MicrosoftEntry> microsoft_transformer_rules();

// A product of codes as it was written: real = float(a x b) * (a_scale * b_scale) + bias.
struct CodeProduct {
  ValueId a, a_scale, a_zero, b, b_scale, b_zero, bias;
};
ValueId code_product(MicrosoftSite& site, const CodeProduct& p);

}  // namespace precis::onnx_io
