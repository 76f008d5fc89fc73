// GraphBuilder: short ways to add nodes whose outputs are new values, for passes, readers and tests.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "precis/graph/graph.h"

namespace precis {

class GraphBuilder {
 public:
  using Attributes = std::map<std::string, Attribute>;

  explicit GraphBuilder(Graph& graph) : graph_(graph) {}
  // Nodes are appended at the end of the order, or before/after the given node (several after one keep their
  // order).
  static GraphBuilder before(Graph& graph, NodeId position);
  static GraphBuilder after(Graph& graph, NodeId position);

  // One node with one output, named `name` (made unique when taken; "" = a name made of the operator). The
  // node gets the output's name too. `op` may carry a domain: "precis::Quantize".
  ValueId op(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {},
             std::string name = "");
  // The same with one output per name.
  std::vector<ValueId> op_outputs(std::string_view op, std::vector<ValueId> inputs,
                                  std::vector<std::string> names, Attributes attributes = {});
  // Initializers with unique names made from `name`.
  ValueId constant(Tensor tensor, std::string name);
  ValueId ints(std::vector<int64_t> values, std::string name);  // i64 [n]
  ValueId scalar(float value, std::string name);                // f32 []

 private:
  enum class Place { kEnd, kBefore, kAfter };
  Graph& graph_;
  Place place_ = Place::kEnd;
  NodeId position_;
};

// precis::Quantize, precis::Dequantize or precis::Requantize (`op`, without the domain) from one value to
// another, with a unique name; not yet in the graph.
Node conversion_node(const Graph& graph, const char* op, ValueId from, ValueId to);

}  // namespace precis
