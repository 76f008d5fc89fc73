// What the fusions ask of a graph, and the one edit that they make. A matcher starts at the value that the
// fused node would make and looks towards the inputs; it only reads. replace() then checks that everything
// between is nobody else's, and puts the new node in its place.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "precis/graph/fusions/fusions.h"

namespace precis::fusions {

// The number that `v` is: a plain f32 constant of one element.
std::optional<float> scalar(const Graph& g, ValueId v);
// Up to the digits that exporters write: 1e-5 relative.
bool is_near(double found, double wanted);
bool is_scalar(const Graph& g, ValueId v, double wanted);

// The node that makes `v` when it is an `op` with one output; null otherwise.
const Node* made_by(const Graph& g, ValueId v, std::string_view op);
// The operand of a unary `op` that makes `v`.
ValueId operand_of(const Graph& g, ValueId v, std::string_view op);

// f(a, b) for the operands of the two-operand `op` that makes v, in both orders until it gives something.
template <typename F>
auto in_either_order(const Graph& g, ValueId v, std::string_view op, const F& f)
    -> decltype(f(ValueId{}, ValueId{})) {
  const Node* n = made_by(g, v, op);
  if (n == nullptr || n->inputs.size() != 2) return {};
  if (auto found = f(n->inputs[0], n->inputs[1])) return found;
  return f(n->inputs[1], n->inputs[0]);
}

// v = x + c with a scalar c, in either order.
struct Sum {
  ValueId value;
  float constant = 0;
};
std::optional<Sum> sum_with_scalar(const Graph& g, ValueId v);

// A value as the product that it is: factor * operands / divisors. Follows Mul, Div and whole powers of
// `stop`, and goes no further than `stop` and what is in `stops`.
struct Product {
  double factor = 1;
  std::vector<ValueId> operands, divisors;
};
Product product_of(const Graph& g, ValueId v, const std::vector<ValueId>& stops = {});
// v is factor * the operands, in any order; `x` and the operands are not taken apart.
bool is_product(const Graph& g, ValueId v, double factor, std::vector<ValueId> operands);
// Everything that stands in the tree of products and quotients that makes `v`, at any level, `v` left out.
std::vector<ValueId> parts_of_product(const Graph& g, ValueId v);

// Both are f32, not encoded inside, and have the same known rank: a constant of higher rank raises a
// result's.
bool same_rank(const Graph& g, ValueId a, ValueId b);
// `v` is `length` f32 values along the last dimension, whatever ones stand before: a scale or bias of rows.
bool is_row(const Graph& g, ValueId v, int64_t length);
std::optional<int> rank_of(const Graph& g, ValueId v);
// Dimension `axis` (from the end when negative); unknown when it is not known.
Dim dim_of(const Graph& g, ValueId v, int axis);
// The same length at run time for certain: equal numbers or the same symbol.
bool surely_equal(const Dim& a, const Dim& b);

// What the matched part of a graph becomes.
struct Replacement {
  const char* op;
  std::vector<ValueId> inputs;  // values that exist already
  std::map<std::string, Attribute> attributes;
};
// The nodes between `leaves` and `last`, `last` left out, when nobody else needs what they make; otherwise
// nullopt, and a note that says what stands in the way of `op`. The leaves are where the match ends.
std::optional<std::vector<NodeId>> claim(const Graph& g, NodeId last, const std::vector<ValueId>& leaves,
                                         const char* op, FusionResult& result);
// `last` becomes `by`, and the claimed nodes go.
void become(Graph& g, NodeId last, const std::vector<NodeId>& claimed, Replacement by, FusionResult& result);
// Both; false when the nodes cannot be claimed.
bool replace(Graph& g, NodeId last, const std::vector<ValueId>& leaves, Replacement by, FusionResult& result);

// Calls fuse(id) for every node that is one of `ops` and makes a plain or encoded f32 value, from the end of
// the graph to its beginning: the widest form first.
template <typename F>
void for_each_last(Graph& g, std::initializer_list<std::string_view> ops, const F& fuse) {
  const std::vector<NodeId> order(g.order().begin(), g.order().end());
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const Node& n = g.node(*it);
    if (!n.alive || !n.domain.empty() || n.outputs.size() != 1) continue;
    if (g.value(n.outputs[0]).type.dtype != DType::kF32) continue;
    for (std::string_view op : ops)
      if (n.op == op) {
        fuse(*it);
        break;
      }
  }
}

}  // namespace precis::fusions
