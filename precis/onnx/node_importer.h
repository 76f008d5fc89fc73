// Names and nodes of one scope of a file: a graph, a subgraph, or one call of a local function. First every
// name gets its value, then nodes are connected, so that unsorted files and captures by subgraphs need no
// special care.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "precis/onnx/proto_import.h"

namespace precis::onnx_io {

class FunctionCall;

// How messages name a node of the file: "node 'conv1' (Conv)".
std::string node_label(const onnx::NodeProto& node);

class NodeImporter {
 public:
  using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

  // `outer` is the scope around a subgraph; `call` is set for all scopes of a function that is written out.
  NodeImporter(Graph& graph, ImportContext& context, const NodeImporter* outer, FunctionCall* call)
      : graph_(graph),
        context_(context),
        outer_(outer),
        call_(call),
        depth_(outer != nullptr ? outer->depth_ + 1 : 0) {}

 protected:
  Graph& graph() { return graph_; }
  ImportContext& context() { return context_; }
  bool is_subgraph() const { return outer_ != nullptr; }
  int depth() const { return depth_; }  // in subgraphs

  // The value that a name of this scope stands for; an omitted one for an input that a call leaves out.
  std::optional<ValueId> own(const std::string& name) const;
  // The same, or a value captured from a scope around this one. Error(kMalformed) when there is none.
  ValueId resolve(const std::string& name, const std::string& who);
  // What a new value of this name is called in the graph: its own name but in calls.
  std::string new_name(const std::string& name);
  void define(const std::string& name, ValueId id);
  void check_new(const std::string& name, const std::string& who) const;
  void add_texts(const std::string& name, const std::string& doc);  // of the graph
  Tensor tensor_of(onnx::TensorProto& proto, const std::string& where);

  // Outputs, Constant nodes (they become constants), then all other nodes, before `position` or at the end.
  void add_nodes(Nodes& nodes, NodeId position = {});

 private:
  ValueId output_value(const std::string& name);
  bool is_constant(const onnx::NodeProto& n) const;
  bool visible(const std::string& name) const { return own(name) || (outer_ && outer_->visible(name)); }
  const char* origin(ValueId id) const;
  void add_outputs_of(const onnx::NodeProto& n);
  void add_constant(onnx::NodeProto& n);
  void add_node(onnx::NodeProto& n, NodeId position);
  void add_attribute(Node& node, onnx::AttributeProto& a, const std::string& node_name);
  std::optional<Attribute> value_of(onnx::AttributeProto& a, const std::string& where);

  Graph& graph_;
  ImportContext& context_;
  const NodeImporter* outer_;
  FunctionCall* call_;
  int depth_;
  std::unordered_map<std::string, ValueId> names_;  // of a call's scopes; the others' names are the graph's
};

// proto_import.cpp: a subgraph of a node in `outer`.
Graph import_subgraph(onnx::GraphProto& proto, ImportContext& context, const NodeImporter& outer,
                      FunctionCall* call);

}  // namespace precis::onnx_io
