// Before:  y = x / Sqrt(ReduceMean(x^2) + eps) [* scale]
// After:   x -> RMSNormalization(scale){axis, epsilon} -> y
//
// The square may be a product or a power, the root a quotient, a Reciprocal or a power of -1/2. Only over the
// last dimensions, with a constant row for the scale; a missing scale becomes ones.
#include "precis/graph/fusions/normal_form.h"

namespace precis::fusions {
namespace {

bool same_value(const Graph&, ValueId data, ValueId base) { return data == base; }

}  // namespace

FusionResult fuse_rms_norm(Graph& g) {
  FusionResult result;
  for_each_last(g, {"Mul", "Div"}, [&](NodeId id) {
    const ValueId y = g.node(id).outputs[0];
    const auto form = match_normal_form(g, y, same_value);
    if (!form || !same_rank(g, form->data, y)) return;
    const auto nodes = claim(g, id, {form->data}, "RMSNormalization", result);
    const ValueId scale = nodes ? row_or_ones(g, form->scale, form->data, form->axis) : ValueId{};
    if (!scale) return;
    become(g, id, *nodes,
           {"RMSNormalization", {form->data, scale}, {{"axis", form->axis}, {"epsilon", form->epsilon}}},
           result);
  });
  return result;
}

}  // namespace precis::fusions
