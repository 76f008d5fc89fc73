// Operator facts: one declaration per operator of the canonical opset tells everything there is to know about
// it (inputs, outputs, attributes, limits, shape and type inference, MACs). Declarations live in
// precis/graph/ops/*.cpp, one file per family, and are collected by op_registry(). docs/adding_an_operator.md
// walks through one.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "precis/core/check.h"
#include "precis/graph/graph.h"

namespace precis {

enum class AttrKind : uint8_t { kInt, kFloat, kString, kTensor, kGraph, kInts, kFloats, kStrings };

struct AttrDecl {
  const char* name;
  AttrKind kind;
  bool required = false;
};

// What inference sees of one node: input types, constant inputs where known, and where to put the output
// types. All dimensions may be symbolic. Every `fail` names the node.
class InferContext {
 public:
  InferContext(const Graph& graph, const Node& node, std::vector<ValueType> inputs,
               std::vector<const Tensor*> constants);
  const Node& node() const { return node_; }
  size_t num_inputs() const { return inputs_.size(); }
  size_t num_outputs() const { return outputs.size(); }
  bool has_input(size_t i) const { return i < inputs_.size() && node_.inputs[i]; }
  const ValueType& input(size_t i) const { return inputs_[i]; }
  const SymbolicShape& shape(size_t i) const { return inputs_[i].shape; }
  DType dtype(size_t i) const { return inputs_[i].dtype; }
  // The value of input i when it is known (constant, or folded shape arithmetic); null otherwise.
  const Tensor* constant(size_t i) const { return i < constants_.size() ? constants_[i] : nullptr; }
  std::string where() const;  // "node 'conv1' (Conv)": opens every message
  template <typename... Args>
  void require(bool condition, fmt::format_string<Args...> format, Args&&... args) const {
    if (!condition) [[unlikely]]
      throw Error(ErrorCode::kMalformed, where() + ": " + fmt::format(format, std::forward<Args>(args)...));
  }
  // Rank of input i when known; requires rank in [lo, hi].
  std::optional<int> rank(size_t i) const;
  void require_rank(size_t i, int lo, int hi) const;

  std::vector<ValueType> outputs;  // to be filled; one per declared output of the node
  std::vector<std::optional<Tensor>>
      output_constants;  // small integer results known at inference time (shape arithmetic)

 private:
  const Graph& graph_;
  const Node& node_;
  std::vector<ValueType> inputs_;
  std::vector<const Tensor*> constants_;
};

struct OpDecl {
  const char* domain = "";
  const char* op = "";
  int min_inputs = 1, max_inputs = 1;  // -1: any number
  int min_outputs = 1, max_outputs = 1;
  std::vector<AttrDecl> attributes;
  // Validates attributes and inputs before any arithmetic, then sets ctx.outputs. Throws Error(kMalformed).
  void (*infer)(InferContext& ctx) = nullptr;
  // Multiply-accumulates of one run for concrete shapes; null = none worth counting.
  int64_t (*macs)(const Node& node, std::span<const Shape> inputs, std::span<const Shape> outputs) = nullptr;
  // Moves or selects elements without computing new ones: the output shares its input 0's encoding (Reshape,
  // MaxPool, ...).
  bool moves_data = false;
};

// Null when the operator is unknown.
const OpDecl* find_op(std::string_view domain, std::string_view op);
std::span<const OpDecl* const> all_ops();  // sorted by domain, name

// Infers types of all values of `graph` in order from its inputs and constants. Keeps declared output types
// where inference knows less; a contradiction between a declared and an inferred type keeps the inferred one
// (value_info is a hint). `input_shapes` (same order as graph.inputs(), may be empty) overrides the declared
// input shapes.
struct InferOptions {
  std::vector<Shape> input_shapes;
};
void infer_types(Graph& graph, const InferOptions& options = {});

// MACs of a graph whose shapes are known after infer_types; nodes with unknown shapes count 0.
int64_t node_macs(const Graph& graph, NodeId id);
int64_t graph_macs(const Graph& graph);

}  // namespace precis
