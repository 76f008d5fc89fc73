// Operator facts: one declaration per operator of the canonical opset tells everything there is to know about
// it (inputs, outputs, attributes, limits, shape and type inference, MACs). Declarations live in
// precis/graph/ops/*.cpp, one file per family, and are collected by op.cpp. docs/adding_an_operator.md walks
// through one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "precis/core/check.h"
#include "precis/graph/graph.h"
#include "precis/graph/partial_value.h"

namespace precis {

enum class AttrKind : uint8_t { kInt, kFloat, kString, kTensor, kGraph, kInts, kFloats, kStrings, kType };

struct AttrDecl {
  const char* name;
  AttrKind kind;
  bool required = false;
};

struct Inference;

// What the graphs around a body know of a value, by its name.
struct OuterValue {
  const ValueType* type = nullptr;  // null: there is no such value
  const Tensor* constant = nullptr;
  const PartialValue* partial = nullptr;
};
using OuterScope = std::function<OuterValue(const std::string& name)>;

// What inference sees of one node: input types, constant inputs where known, and where to put the output
// types. All dimensions may be symbolic, and types may be unknown altogether (then nothing is checked). Every
// message names the node.
class InferContext {
 public:
  // One entry per input of the node; null for omitted inputs, unknown contents.
  InferContext(const Graph& graph, const Node& node, std::vector<const ValueType*> inputs,
               std::vector<const Tensor*> constants, std::vector<const PartialValue*> partials = {});
  const Node& node() const { return node_; }
  size_t num_inputs() const { return inputs_.size(); }
  size_t num_outputs() const { return outputs.size(); }
  bool has_input(size_t i) const { return i < inputs_.size() && node_.inputs[i]; }
  bool has_output(size_t i) const { return static_cast<bool>(node_.output(i)); }
  const ValueType& input(size_t i) const;  // an empty type when omitted
  const SymbolicShape& shape(size_t i) const { return input(i).shape; }
  DType dtype(size_t i) const { return input(i).dtype; }
  // The type written on output i before inference (its encoding is what counts).
  const ValueType& declared_output(size_t i) const;
  // The value of input i when it is a plain constant; null otherwise. Any size.
  const Tensor* constant(size_t i) const { return i < constants_.size() ? constants_[i] : nullptr; }
  // What is known of a small input's contents: a constant, or the result of shape arithmetic.
  std::optional<PartialValue> partial(size_t i) const;
  std::string where() const;  // "node 'conv1' (Conv)": opens every message
  template <typename... Args>
  void require(bool condition, fmt::format_string<Args...> format, Args&&... args) const {
    if (!condition) [[unlikely]]
      throw Error(ErrorCode::kMalformed, where() + ": " + fmt::format(format, std::forward<Args>(args)...));
  }
  // Rank of input i when known; requires rank in [lo, hi].
  std::optional<int> rank(size_t i) const;
  void require_rank(size_t i, int lo, int hi) const;

  // --- bodies (If, Loop, Scan ...)
  // Where the node's bodies find the values they capture, and how deep the node lies in bodies itself.
  void set_outer(OuterScope outer, int depth);
  int depth() const { return depth_; }
  const Graph& body(const char* attribute) const;  // Error(kMalformed) unless the attribute holds a graph
  // Infers a body from the types of its inputs (those of values that a closed body got as its last inputs are
  // added: captures.h) and keeps the result in `bodies`; the types of its outputs.
  std::vector<ValueType> infer_body(const char* attribute, std::vector<ValueType> inputs);
  // What is known of output i of a body after infer_body.
  std::optional<PartialValue> body_partial(const char* attribute, size_t i) const;

  std::vector<ValueType> outputs;  // to be filled: dtype and shape; one per output of the node
  std::vector<std::optional<PartialValue>>
      output_partials;  // small results known at inference time (shape arithmetic)
  std::map<std::string, std::shared_ptr<Inference>> bodies;  // by attribute

 private:
  const Graph& graph_;
  const Node& node_;
  std::vector<const ValueType*> inputs_;
  std::vector<const Tensor*> constants_;
  std::vector<const PartialValue*> partials_;
  OuterScope outer_;
  int depth_ = 0;
};

struct OpDecl {
  const char* domain = "";
  const char* op = "";
  int min_inputs = 1, max_inputs = 1;  // -1: any number. Inputs below min_inputs cannot be omitted
  int min_outputs = 1, max_outputs = 1;
  std::vector<AttrDecl> attributes = {};
  // Validates attributes and inputs before any arithmetic, then sets ctx.outputs. Throws Error(kMalformed).
  void (*infer)(InferContext& ctx) = nullptr;
  // Multiply-accumulates of one run for concrete shapes; null = none worth counting.
  int64_t (*macs)(const Node& node, std::span<const Shape> inputs, std::span<const Shape> outputs) = nullptr;
  // Moves or selects elements without computing new ones: the output shares its input 0's encoding (Reshape,
  // MaxPool, ...).
  bool moves_data = false;
  // Draws random numbers: never evaluated beforehand.
  bool random = false;
  // Takes sequences and optionals; all other operators are refused them.
  bool takes_containers = false;
  // Shape arithmetic: sets ctx.output_partials from ctx.partial(i) after infer; null = results are never
  // known beforehand.
  void (*fold)(InferContext& ctx) = nullptr;
};

// Null when the operator is unknown.
const OpDecl* find_op(std::string_view domain, std::string_view op);
std::span<const OpDecl* const> all_ops();  // sorted by domain, name
// Does the node draw random numbers? By its declaration, or as a Dropout that may be in training.
bool draws_random_numbers(const Graph& graph, const Node& node);
// Does it move or select elements of input 0, and nothing else? By its declaration, but for Dropout in
// training.
bool moves_data_only(const Graph& graph, const Node& node);
// Is this the name of an operator of ONNX itself (domain ""), declared here or not?
bool is_onnx_op(std::string_view op);

// Checks inputs, outputs and attributes against the declaration, then infers and folds. Error(kMalformed)
// naming the node; for result sizes beyond limits().max_tensor_elements too.
void infer_node(const OpDecl& decl, InferContext& ctx);
// What the declaration forbids in `node`, as messages without the node's name; empty when there is nothing.
std::vector<std::string> schema_errors(const OpDecl& decl, const Node& node);
// Attributes that the declaration does not know.
std::vector<std::string> unknown_attributes(const OpDecl& decl, const Node& node);

// Infers types of all values of `graph` in order from its inputs and constants. Keeps declared output types
// where inference knows less; a contradiction between a declared and an inferred type keeps the inferred one
// (value_info is a hint). Encodings stay as they are. Nodes of unknown operators keep their declared types.
// `input_shapes` (same order as graph.inputs(), may be empty) overrides the declared input shapes; a symbol
// of an input that gets a length this way gets it everywhere.
// For bodies: `inputs` is what is known of the inputs (shapes replace the declared ones), `outer` is where
// captured values are found.
struct BodyInput {
  ValueType type;
  const Tensor* constant = nullptr;
  const PartialValue* partial = nullptr;
};
struct InferOptions {
  std::vector<Shape> input_shapes = {};
  std::vector<BodyInput> inputs = {};
  OuterScope outer = {};
  int depth = 0;  // of the graph in bodies
};
void infer_types(Graph& graph, const InferOptions& options = {});

// The same without changing the graph, and with what else inference learns.
struct Inference {
  std::vector<ValueType> types;  // by value id
  std::map<ValueId, PartialValue>
      folded;  // values of nodes that are known, wholly or in part (not the initializers)
  // Of the nodes that have bodies, by attribute.
  std::map<NodeId, std::map<std::string, std::shared_ptr<Inference>>> bodies;
};
// Called with the node and the error instead of throwing; the node's outputs then count as unknown.
using InferErrorHandler = std::function<void(NodeId node, const Error& error)>;
Inference infer_graph(const Graph& graph, const InferOptions& options = {},
                      const InferErrorHandler& on_error = {});

// MACs of a node whose shapes are known after infer_types; 0 when they are not.
int64_t node_macs(const Graph& graph, NodeId id);

}  // namespace precis
