// Before:  x -> Add(3) -> Clip(0, 6) -> Mul(x) -> Div(6) -> y      After:  x -> HardSwish -> y
// and the same without the product:  x -> Add(3) -> Clip(0, 6) -> Div(6) -> y  becomes HardSigmoid(alpha=1/6,
// beta=1/2). The divisor may stand before the product, may be a factor 1/6, and a HardSigmoid may be given
// already. As one function of one input it is a table on codes and a fused step in float.
#include <cmath>

#include "precis/graph/fusions/match.h"

namespace precis::fusions {
namespace {

// The x behind Clip(Add(x, 3), 0, 6).
ValueId behind_clip(const Graph& g, ValueId v) {
  const Node* clip = made_by(g, v, "Clip");
  if (clip == nullptr || scalar(g, clip->input(1)) != 0.0f || !is_scalar(g, clip->input(2), 6)) return {};
  const auto sum = sum_with_scalar(g, clip->input(0));
  return sum && is_near(static_cast<double>(sum->constant), 3) ? sum->value : ValueId{};
}

// The x behind a HardSigmoid with the slope and shift of HardSwish.
ValueId behind_hard_sigmoid(const Graph& g, ValueId v) {
  const Node* n = made_by(g, v, "HardSigmoid");
  const bool fits = n != nullptr && is_near(static_cast<double>(n->get_float("alpha", 0.2f)), 1.0 / 6) &&
                    n->get_float("beta", 0.5f) == 0.5f;
  return fits ? n->input(0) : ValueId{};
}

// The x of which y is x * gate(x), whatever the order of the product's parts.
ValueId hard_swish_input(const Graph& g, ValueId y) {
  for (ValueId gate : parts_of_product(g, y)) {
    if (const ValueId x = behind_clip(g, gate); x && is_product(g, y, 1.0 / 6, {x, gate})) return x;
    if (const ValueId x = behind_hard_sigmoid(g, gate); x && is_product(g, y, 1, {x, gate})) return x;
  }
  return {};
}

ValueId hard_sigmoid_input(const Graph& g, ValueId y) {
  for (ValueId gate : parts_of_product(g, y))
    if (const ValueId x = behind_clip(g, gate); x && is_product(g, y, 1.0 / 6, {gate})) return x;
  return {};
}

}  // namespace

FusionResult fuse_hard_swish(Graph& g) {
  FusionResult result;
  for_each_last(g, {"Mul", "Div"}, [&](NodeId id) {  // the product before the gate that it may hold
    const ValueId y = g.node(id).outputs[0];
    if (const ValueId x = hard_swish_input(g, y); x && same_rank(g, x, y))
      replace(g, id, {x}, {"HardSwish", {x}, {}}, result);
    else if (const ValueId z = hard_sigmoid_input(g, y); z && same_rank(g, z, y))
      replace(g, id, {z}, {"HardSigmoid", {z}, {{"alpha", 1.0f / 6}, {"beta", 0.5f}}}, result);
  });
  return result;
}

}  // namespace precis::fusions
