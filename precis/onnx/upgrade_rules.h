// What the upgrade rules share: one node under rewrite with the helpers to rewrite it, and the tables of
// rules.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "precis/core/check.h"
#include "precis/graph/graph.h"

namespace precis::onnx_io {

class Rewrite {
 public:
  Rewrite(Graph& graph, NodeId id, int opset) : graph_(graph), id_(id), opset_(opset), touched_{id} {}

  Graph& graph() { return graph_; }
  Node& node() { return graph_.node(id_); }
  NodeId id() const { return id_; }
  int opset() const { return opset_; }
  // The node and those added around it, in order.
  const std::vector<NodeId>& touched() const { return touched_; }

  // The known shape of input i, or nullopt.
  SymbolicShape shape(size_t i) const;
  DType dtype(size_t i) const;
  // Name for something added to this node: "<first output>/<what>".
  std::string added_name(const char* what) const;

  template <typename T>
  std::optional<T> take(
      const char* attribute) {  // removes the attribute and returns it; Error when it has another kind
    Node& n = node();
    const auto it = n.attributes.find(attribute);
    if (it == n.attributes.end()) return std::nullopt;
    T* value = std::get_if<T>(&it->second);
    check(value != nullptr, ErrorCode::kMalformed, "{}: attribute '{}' is of kind {}, expected another",
          describe(graph_, n), attribute, attribute_kind(it->second));
    T taken = std::move(*value);
    n.attributes.erase(it);
    return taken;
  }
  void drop(const char* attribute) { node().attributes.erase(attribute); }
  // The attribute becomes the i64 input `slot`, when it is there.
  void ints_to_input(const char* attribute, size_t slot);
  void set_constant_input(size_t slot, Tensor tensor, const char* what);

  // New nodes around this one. before() makes one new value; after() renames the node's output 0 and lets the
  // new node make the old one from it.
  ValueId before(const char* op, std::vector<ValueId> inputs, std::map<std::string, Attribute> attributes,
                 const char* what);
  void after(const char* op, std::vector<ValueId> more_inputs, std::map<std::string, Attribute> attributes,
             const char* what);

  [[noreturn]] void unsupported(const std::string& why) const;

 private:
  Graph& graph_;
  NodeId id_;
  int opset_;
  std::vector<NodeId> touched_;
};

// How much a rule must know about the shapes of its node's inputs.
enum class Shapes { kUnused, kUsed };

struct UpgradeRule {
  const char* op;
  int below;  // applies to nodes of opsets below this one
  void (*apply)(Rewrite& rewrite);
  Shapes shapes = Shapes::kUnused;
};

std::span<const UpgradeRule> attribute_upgrades();  // attributes that became inputs, or went away
std::span<const UpgradeRule> semantic_upgrades();   // broadcasting, softmax axes, normalization
std::span<const UpgradeRule> resize_upgrades();     // Upsample and Resize
std::span<const UpgradeRule> scan_upgrades();       // Scan over a batch

}  // namespace precis::onnx_io
