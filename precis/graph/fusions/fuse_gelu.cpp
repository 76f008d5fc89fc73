// Before:  x -> Div(sqrt 2) -> Erf -> Add(1) -> Mul(x) -> Mul(1/2) -> y
// After:   x -> Gelu -> y
//
// Before:  0.5 x (1 + Tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
// After:   x -> Gelu{approximate=tanh} -> y
//
// The factors of each product may stand in any order and association, powers may be products, and the tanh
// may have x taken out of its sum: sqrt(2 / pi) x (1 + 0.044715 x^2).
#include <cmath>

#include "precis/graph/fusions/match.h"

namespace precis::fusions {
namespace {

constexpr double kRootOfTwoOverPi = 0.79788456080286535588, kCubic = 0.044715;

// u = x / sqrt(2)
bool is_erf_argument(const Graph& g, ValueId u, ValueId x) {
  return is_product(g, u, 1 / std::sqrt(2.0), {x});
}

// v = x + 0.044715 x^3
bool is_cubic(const Graph& g, ValueId v, ValueId x) {
  return in_either_order(g, v, "Add", [&](ValueId a, ValueId b) {
    return a == x && is_product(g, b, kCubic, {x, x, x});
  });
}

// v = 1 + 0.044715 x^2
bool is_square_polynomial(const Graph& g, ValueId v, ValueId x) {
  const auto sum = sum_with_scalar(g, v);
  return sum && is_near(static_cast<double>(sum->constant), 1) && is_product(g, sum->value, kCubic, {x, x});
}

bool is_tanh_argument(const Graph& g, ValueId u, ValueId x) {
  const Product p = product_of(g, u, {x});
  if (!p.divisors.empty() || !is_near(p.factor, kRootOfTwoOverPi)) return false;
  if (p.operands.size() == 1) return is_cubic(g, p.operands[0], x);
  if (p.operands.size() != 2) return false;
  return (p.operands[0] == x && is_square_polynomial(g, p.operands[1], x)) ||
         (p.operands[1] == x && is_square_polynomial(g, p.operands[0], x));
}

struct Gelu {
  ValueId x;
  bool tanh = false;
};

// y = x gate / 2, where gate = 1 + Erf or 1 + Tanh of what belongs to x.
std::optional<Gelu> match_gelu(const Graph& g, ValueId y) {
  const std::vector<ValueId> parts = parts_of_product(g, y);
  for (ValueId gate : parts) {
    const auto sum = sum_with_scalar(g, gate);
    if (!sum || !is_near(static_cast<double>(sum->constant), 1)) continue;
    const ValueId erf = operand_of(g, sum->value, "Erf"), tanh = operand_of(g, sum->value, "Tanh");
    if (!erf && !tanh) continue;
    for (ValueId x : parts) {
      if (x == gate || !is_product(g, y, 0.5, {x, gate})) continue;
      if (erf ? is_erf_argument(g, erf, x) : is_tanh_argument(g, tanh, x)) return Gelu{x, !erf};
    }
  }
  return std::nullopt;
}

}  // namespace

FusionResult fuse_gelu(Graph& g) {
  FusionResult result;
  for_each_last(g, {"Mul", "Div"}, [&](NodeId id) {
    const ValueId y = g.node(id).outputs[0];
    const auto gelu = match_gelu(g, y);
    if (!gelu || !same_rank(g, gelu->x, y)) return;
    Replacement by{"Gelu", {gelu->x}, {}};
    if (gelu->tanh) by.attributes["approximate"] = std::string("tanh");
    replace(g, id, {gelu->x}, std::move(by), result);
  });
  return result;
}

}  // namespace precis::fusions
