// Before:  x -> [Mul(alpha)] -> Sigmoid -> Mul(x) -> y      After:  x -> Swish{alpha} -> y
// One function of one input: a table on codes, and one step in float.
#include "precis/graph/fusions/match.h"

namespace precis::fusions {
namespace {

struct Swish {
  ValueId x;
  float alpha = 1;
};

std::optional<Swish> match_swish(const Graph& g, ValueId y) {
  return in_either_order(g, y, "Mul", [&](ValueId x, ValueId gate) -> std::optional<Swish> {
    const ValueId argument = operand_of(g, gate, "Sigmoid");
    if (!argument) return std::nullopt;
    const Product p = product_of(g, argument, {x});
    if (!p.divisors.empty() || p.operands != std::vector{x}) return std::nullopt;
    return Swish{x, static_cast<float>(p.factor)};
  });
}

}  // namespace

FusionResult fuse_swish(Graph& g) {
  FusionResult result;
  for_each_last(g, {"Mul"}, [&](NodeId id) {
    const ValueId y = g.node(id).outputs[0];
    const auto swish = match_swish(g, y);
    if (!swish || !same_rank(g, swish->x, y)) return;
    Replacement by{"Swish", {swish->x}, {}};
    if (swish->alpha != 1) by.attributes["alpha"] = swish->alpha;
    replace(g, id, {swish->x}, std::move(by), result);
  });
  return result;
}

}  // namespace precis::fusions
