// Matching and replacing; see the header.
#include "precis/graph/fusions/match.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "precis/core/text.h"

namespace precis::fusions {
namespace {

constexpr int kMaxProductDepth = 6;  // of the trees that exporters write, with room
constexpr size_t kMaxInterior = 64;  // nodes of one form; a walk that meets more has left it

bool contains(const std::vector<ValueId>& list, ValueId v) {
  return std::find(list.begin(), list.end(), v) != list.end();
}

}  // namespace

std::optional<float> scalar(const Graph& g, ValueId v) {
  const Tensor* t = v ? g.constant(v) : nullptr;
  if (t == nullptr || t->dtype() != DType::kF32 || t->numel() != 1 || g.value(v).type.encoded())
    return std::nullopt;
  return t->data<float>()[0];
}

bool is_near(double found, double wanted) { return std::fabs(found - wanted) <= 1e-5 * std::fabs(wanted); }

bool is_scalar(const Graph& g, ValueId v, double wanted) {
  const auto found = scalar(g, v);
  return found && is_near(static_cast<double>(*found), wanted);
}

const Node* made_by(const Graph& g, ValueId v, std::string_view op) {
  const Node* n = v ? g.producer(v) : nullptr;
  return n != nullptr && n->is(op) && n->outputs.size() == 1 ? n : nullptr;
}

ValueId operand_of(const Graph& g, ValueId v, std::string_view op) {
  const Node* n = made_by(g, v, op);
  return n != nullptr ? n->input(0) : ValueId{};
}

std::optional<Sum> sum_with_scalar(const Graph& g, ValueId v) {
  return in_either_order(g, v, "Add", [&](ValueId a, ValueId b) -> std::optional<Sum> {
    const auto c = scalar(g, b);
    if (!c || scalar(g, a)) return std::nullopt;
    return Sum{a, *c};
  });
}

namespace {

// The whole power n that `v` is of a value; nullopt for other values.
std::optional<int> whole_power(const Graph& g, const Node& n) {
  const auto exponent = scalar(g, n.input(1));
  if (!n.is("Pow") || !exponent || (*exponent != 2 && *exponent != 3)) return std::nullopt;
  return static_cast<int>(*exponent);
}

void multiply_out(const Graph& g, ValueId v, const std::vector<ValueId>& stops, int depth, Product& p) {
  const Node* n = v && !contains(stops, v) ? g.producer(v) : nullptr;
  if (const auto c = scalar(g, v)) {
    p.factor *= static_cast<double>(*c);
  } else if (n == nullptr || depth == kMaxProductDepth || (depth > 0 && g.value(v).type.encoded())) {
    p.operands.push_back(v);
  } else if (n->is("Mul") && n->inputs.size() == 2) {
    multiply_out(g, n->inputs[0], stops, depth + 1, p);
    multiply_out(g, n->inputs[1], stops, depth + 1, p);
  } else if (n->is("Div")) {
    multiply_out(g, n->inputs[0], stops, depth + 1, p);
    if (const auto c = scalar(g, n->inputs[1]))
      p.factor /= static_cast<double>(*c);
    else
      p.divisors.push_back(n->inputs[1]);
  } else if (const auto power = whole_power(g, *n); power && contains(stops, n->inputs[0])) {
    p.operands.insert(p.operands.end(), static_cast<size_t>(*power), n->inputs[0]);
  } else {
    p.operands.push_back(v);
  }
}

void list_parts(const Graph& g, ValueId v, int depth, std::vector<ValueId>& parts) {
  const Node* n = v ? g.producer(v) : nullptr;
  if (n == nullptr || depth == kMaxProductDepth || (!n->is("Mul") && !n->is("Div"))) return;
  for (ValueId in : n->inputs) {
    if (scalar(g, in) || contains(parts, in)) continue;
    parts.push_back(in);
    list_parts(g, in, depth + 1, parts);
  }
}

}  // namespace

Product product_of(const Graph& g, ValueId v, const std::vector<ValueId>& stops) {
  Product p;
  multiply_out(g, v, stops, 0, p);
  return p;
}

bool is_product(const Graph& g, ValueId v, double factor, std::vector<ValueId> operands) {
  Product p = product_of(g, v, operands);
  if (!p.divisors.empty() || !is_near(p.factor, factor)) return false;
  std::sort(p.operands.begin(), p.operands.end());
  std::sort(operands.begin(), operands.end());
  return p.operands == operands;
}

std::vector<ValueId> parts_of_product(const Graph& g, ValueId v) {
  std::vector<ValueId> parts;
  list_parts(g, v, 0, parts);
  return parts;
}

std::optional<int> rank_of(const Graph& g, ValueId v) {
  if (!v || !g.value(v).type.shape) return std::nullopt;
  return static_cast<int>(g.value(v).type.shape->size());
}

bool same_rank(const Graph& g, ValueId a, ValueId b) {
  const auto rank = rank_of(g, a);
  return rank && rank == rank_of(g, b) && g.value(a).type.dtype == DType::kF32 &&
         g.value(b).type.dtype == DType::kF32;
}

bool is_row(const Graph& g, ValueId v, int64_t length) {
  const Tensor* t = v ? g.constant(v) : nullptr;
  if (t == nullptr || t->dtype() != DType::kF32 || g.value(v).type.encoded() || t->numel() != length)
    return false;
  return t->shape().rank() >= 1 && t->shape()[t->shape().rank() - 1] == length;
}

Dim dim_of(const Graph& g, ValueId v, int axis) {
  const auto rank = rank_of(g, v);
  if (!rank) return {};
  if (axis < 0) axis += *rank;
  return axis >= 0 && axis < *rank ? (*g.value(v).type.shape)[static_cast<size_t>(axis)] : Dim();
}

bool surely_equal(const Dim& a, const Dim& b) {
  return a.known() ? a == b : !a.symbol.empty() && a.symbol == b.symbol;
}

namespace {

// What `last` is made of, back to the leaves. Shapes and axes that are computed are no part of it: nobody may
// read them afterwards, or others may.
std::vector<NodeId> nodes_behind(const Graph& g, NodeId last, const std::vector<ValueId>& leaves) {
  std::vector<NodeId> nodes;
  std::set<NodeId> seen = {last};
  std::vector<ValueId> open = g.node(last).inputs;
  while (!open.empty() && nodes.size() <= kMaxInterior) {
    const ValueId v = open.back();
    open.pop_back();
    if (!v || contains(leaves, v)) continue;
    if (const DType dtype = g.value(v).type.dtype; dtype != DType::kF32 && dtype != DType::kUndefined)
      continue;
    const NodeId id = g.value(v).producer;
    if (!id || !seen.insert(id).second) continue;
    nodes.push_back(id);
    open.insert(open.end(), g.node(id).inputs.begin(), g.node(id).inputs.end());
  }
  return nodes;
}

}  // namespace

std::optional<std::vector<NodeId>> claim(const Graph& g, NodeId last, const std::vector<ValueId>& leaves,
                                         const char* op, FusionResult& result) {
  std::vector<NodeId> nodes = nodes_behind(g, last, leaves);
  std::set<NodeId> inside(nodes.begin(), nodes.end());
  inside.insert(last);
  for (NodeId id : nodes)
    for (ValueId v : g.node(id).outputs) {
      if (!v) continue;
      const Value& value = g.value(v);
      const bool owned = std::all_of(value.uses.begin(), value.uses.end(),
                                     [&](const Use& use) { return inside.count(use.node) != 0; });
      if (owned && !g.is_output(v) && !value.type.encoded()) continue;
      result.notes.push_back(
          fmt::format("'{}' has the form of {} and stays as it is: '{}' inside it is needed elsewhere",
                      printable(g.value(g.node(last).outputs[0]).name), op, printable(value.name)));
      return std::nullopt;
    }
  return nodes;
}

void become(Graph& g, NodeId last, const std::vector<NodeId>& claimed, Replacement by, FusionResult& result) {
  Node& n = g.node(last);
  n.op = by.op;
  n.attributes = std::move(by.attributes);
  g.set_inputs(last, std::move(by.inputs));
  g.remove_nodes(claimed);
  ++result.changes;
}

bool replace(Graph& g, NodeId last, const std::vector<ValueId>& leaves, Replacement by,
             FusionResult& result) {
  const auto nodes = claim(g, last, leaves, by.op, result);
  if (nodes) become(g, last, *nodes, std::move(by), result);
  return nodes.has_value();
}

}  // namespace precis::fusions
