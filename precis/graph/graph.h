// The graph that everything in Precis works on: nodes, values, initializers, subgraphs; one canonical opset
// inside. Graph owns its nodes and values and hands out ids; copying a Graph is a deep copy of the structure
// (tensor memory is shared). Quantization is part of a value's type (ValueType::encoding): an operator whose
// inputs are encoded computes on the dequantized values, an encoded output is the result quantized; changes
// of encoding are explicit nodes precis::Quantize, precis::Dequantize, precis::Requantize (no attributes: the
// types of input and output say everything).
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "precis/core/tensor.h"
#include "precis/graph/type.h"

namespace precis {

class Graph;

inline constexpr const char* kMicrosoft = "com.microsoft";  // the domain of ONNX Runtime's own operators
inline constexpr int kCanonicalOpset = 27;  // nodes of domain "" follow the newest forms the reader knows

struct ValueId {
  int32_t index = -1;  // -1: an omitted optional input or output
  explicit operator bool() const { return index >= 0; }
  auto operator<=>(const ValueId&) const = default;
};
struct NodeId {
  int32_t index = -1;
  explicit operator bool() const { return index >= 0; }
  auto operator<=>(const NodeId&) const = default;
};

// Value-semantic owner of a subgraph (If/Loop/Scan bodies): copying copies the graph.
class SubgraphPtr {
 public:
  SubgraphPtr();  // an empty graph
  explicit SubgraphPtr(Graph graph);
  SubgraphPtr(const SubgraphPtr&);
  SubgraphPtr(SubgraphPtr&&) noexcept;
  SubgraphPtr& operator=(SubgraphPtr) noexcept;
  ~SubgraphPtr();
  Graph& operator*() const { return *graph_; }
  Graph* operator->() const { return graph_.get(); }

 private:
  std::unique_ptr<Graph> graph_;
};

using Attribute = std::variant<int64_t, float, std::string, Tensor, SubgraphPtr, std::vector<int64_t>,
                               std::vector<float>, std::vector<std::string>, std::vector<Tensor>, ValueType>;
// "int", "float", "string", "tensor", "graph", "ints", ..., "type"
const char* attribute_kind(const Attribute& a);

struct Node {
  std::string domain;  // "" = ai.onnx; "precis" = our own
  std::string op;
  std::string name;  // original name; may be empty
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::map<std::string, Attribute> attributes;  // ordered: output bytes are deterministic
  std::string doc;
  bool alive = true;  // false after Graph::remove_node

  bool is(std::string_view op_name) const { return domain.empty() && op == op_name; }
  bool is_precis(std::string_view op_name) const { return domain == "precis" && op == op_name; }
  bool is_microsoft(std::string_view op_name) const { return domain == kMicrosoft && op == op_name; }
  // Typed attribute access with defaults; Error(kMalformed) naming node and attribute when the kind is wrong.
  const Attribute* find(std::string_view key) const;
  int64_t get_int(std::string_view key, int64_t fallback) const;
  float get_float(std::string_view key, float fallback) const;
  std::string get_string(std::string_view key, std::string_view fallback) const;
  std::vector<int64_t> get_ints(std::string_view key, std::vector<int64_t> fallback = {}) const;
  std::vector<float> get_floats(std::string_view key, std::vector<float> fallback = {}) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  ValueId input(size_t i) const { return i < inputs.size() ? inputs[i] : ValueId{}; }
  ValueId output(size_t i) const { return i < outputs.size() ? outputs[i] : ValueId{}; }
};

// "node 'conv1' (Conv)" or "unnamed node (Conv)": how messages name a node. With its graph, an unnamed node
// is named after its first output: "unnamed node (Conv) that makes 'y'".
std::string describe(const Node& node);
std::string describe(const Graph& graph, const Node& node);

struct Use {
  NodeId node;
  int32_t slot = 0;  // input index
  auto operator<=>(const Use&) const = default;
};

struct Value {
  std::string name;  // unique in its graph
  ValueType type;
  NodeId producer;                 // {} for graph inputs, initializers and captured values
  std::optional<Tensor> constant;  // initializers; codes (dtype = encoding.code) when the type is encoded
  bool captured = false;           // a value of an enclosing graph, found by name
  bool input = false;              // a graph input
  std::vector<Use>
      uses;  // kept by Graph, ordered by node id and slot; a subgraph's captures are not listed here
  bool alive = true;

  bool is_constant() const { return constant.has_value(); }
};

class Graph {
 public:
  std::string name;
  std::string doc;

  // --- reading
  std::span<const ValueId> inputs() const { return inputs_; }  // without initializers
  std::span<const ValueId> outputs() const { return outputs_; }
  // Live nodes in topological order (as kept by the reader; passes insert where needed and call sort()).
  // After an edit the list is rebuilt here, on first use: a span taken earlier stays valid only while nodes
  // are removed (check Node::alive), and a graph shared by threads must have had its order() read once after
  // the last edit.
  std::span<const NodeId> order() const;
  Node& node(NodeId id) { return nodes_[static_cast<size_t>(id.index)]; }
  const Node& node(NodeId id) const { return nodes_[static_cast<size_t>(id.index)]; }
  Value& value(ValueId id) { return values_[static_cast<size_t>(id.index)]; }
  const Value& value(ValueId id) const { return values_[static_cast<size_t>(id.index)]; }
  size_t num_values() const { return values_.size(); }  // slots, dead ones included: ids are below this
  size_t num_node_slots() const { return nodes_.size(); }
  std::vector<ValueId> initializers() const;        // live constants in id order
  ValueId find_value(std::string_view name) const;  // {} when there is none
  bool is_output(ValueId id) const;
  bool is_input(ValueId id) const;
  // The constant behind a value id (initializers); null for omitted or computed values.
  const Tensor* constant(ValueId id) const;
  const Node* producer(ValueId id) const;  // null when not made by a node

  // --- building
  // Names of values are unique and not empty: Error(kMalformed) naming the value that comes twice.
  ValueId add_input(std::string name, ValueType type);
  ValueId add_constant(std::string name, Tensor tensor);  // plain initializer
  ValueId add_encoded_constant(std::string name, Tensor codes, ValueType type);
  ValueId add_captured(std::string name);
  ValueId add_value(std::string name, ValueType type = {});  // a value that a node will produce
  void set_outputs(std::vector<ValueId> outputs);
  // Appends a node at the end of the order. Outputs must be values without a producer (Error(kMalformed)
  // naming both).
  NodeId add_node(Node node);
  NodeId insert_node_before(NodeId position, Node node);
  NodeId insert_node_after(NodeId position, Node node);
  // A name not used by any value: `base`, or `base_1`, `base_2` ...
  std::string unique_value_name(std::string base) const;
  std::string unique_node_name(std::string base) const;  // knows the names given to add_node and rename_node

  // --- editing
  void set_input(NodeId node, size_t slot,
                 ValueId value);  // keeps the use lists; grows the inputs when needed
  void set_inputs(NodeId node, std::vector<ValueId> inputs);
  // Lets `node` produce `value` (which must have no producer) in `slot`; the old output loses its producer.
  void set_output(NodeId node, size_t slot, ValueId value);
  // In nodes and in the outputs. Subgraphs capture by name: neither this nor rename_value reaches into them.
  void replace_uses(ValueId from, ValueId to);
  // Replaces `from` in node inputs only; graph outputs keep it.
  void replace_uses_in_nodes(ValueId from, ValueId to);
  void rename_value(ValueId id, std::string name);  // Error(kInternal) when taken
  void rename_node(NodeId id, std::string name);
  void remove_node(NodeId id);                     // its outputs lose their producer
  void remove_nodes(std::span<const NodeId> ids);  // the same in one sweep, for many nodes
  void set_constant(ValueId id,
                    Tensor tensor);  // replaces an initializer's contents; type follows when plain
  void set_input_type(size_t index, ValueType type);
  void capture_inputs(size_t count);  // of a body: its last inputs become captured values
  void remove_dead_values();  // values without producer, uses, or a role
  // The same for one value: nothing happens when it is still needed. Captures by subgraphs are the caller's
  // care.
  void remove_if_dead(ValueId id);
  NodeId cycle_node() const;  // a node of a cycle; {} when the graph has none
  void sort();                // stable topological sort; Error(kMalformed) naming a node of a cycle
  // Drops dead slots and renumbers ids (all handles become invalid).
  void compact();

 private:
  struct Link {  // neighbours in the order, by node index; -1 at the ends
    int32_t previous = -1, next = -1;
  };
  NodeId new_node(Node node);
  ValueId new_value(Value value);
  void claim_outputs(NodeId id, const Node& node);
  void link_before(int32_t position, NodeId id);  // -1: at the end
  void unlink(NodeId id);
  void add_use(ValueId value, Use use);
  void remove_use(ValueId value, Use use);
  void check_value(ValueId id) const;

  // Deques: references to nodes and values stay valid while others are added.
  std::deque<Node> nodes_;
  std::vector<Link> links_;
  std::deque<Value> values_;
  std::vector<int32_t> output_counts_;  // per value: how often it is a graph output
  int32_t first_ = -1, last_ = -1;
  mutable std::vector<NodeId> order_;  // links_ as a list, rebuilt when order_stale_
  mutable bool order_stale_ = false;
  std::vector<ValueId> inputs_, outputs_;
  std::unordered_map<std::string, ValueId> by_name_;
  std::unordered_set<std::string> node_names_;
};

// Values of the enclosing graphs that the subgraphs of `node` (at any depth) capture, by name, sorted; empty
// without subgraphs.
std::vector<std::string> captured_names(const Node& node);

// A whole model: the main graph and what travels with it.
struct Model {
  Graph graph;
  int64_t ir_version = 0;                        // as read; the writer chooses its own
  int64_t source_opset = 0;                      // opset of domain "" as read
  std::map<std::string, int64_t> opset_imports;  // as read, other domains included
  std::string producer_name, producer_version, domain, doc;
  int64_t model_version = 0;
  std::vector<std::pair<std::string, std::string>> metadata;  // metadata_props in file order
};

}  // namespace precis
