// Before:  d = Sub(x, ReduceMean(x));  y = d / Sqrt(ReduceMean(d^2) + eps) [* scale] [+ bias]
// After:   x -> LayerNormalization(scale, bias){axis, epsilon} -> y
// The square may be a product or a power, the root a quotient, a Reciprocal or a power of -1/2, and each use
// may have a difference of its own. TensorFlow's order is another one:
//          m = scale / Sqrt(ReduceMean((x - mean)^2) + eps);  y = x m + (bias - mean m)
// Only over the last dimensions, with constant rows for scale and bias; a missing scale becomes ones.
#include "precis/graph/fusions/normal_form.h"

namespace precis::fusions {
namespace {

struct Centred {
  ValueId x, mean;
  int64_t axis = -1;
};

// v = x - mean(x)
std::optional<Centred> centred(const Graph& g, ValueId v) {
  const Node* n = made_by(g, v, "Sub");
  const auto mean = n != nullptr ? mean_of_rows(g, n->input(1)) : std::nullopt;
  if (!mean || mean->value != n->input(0)) return std::nullopt;
  return Centred{n->input(0), n->input(1), mean->axis};
}

bool same_differences(const Graph& g, ValueId data, ValueId base) {
  const auto a = centred(g, data), b = centred(g, base);
  return a && b && a->x == b->x && a->axis == b->axis;
}

struct LayerNorm {
  ValueId x, scale, bias;
  float epsilon = 0;
  int64_t axis = -1;
};

std::optional<LayerNorm> match_divided(const Graph& g, ValueId y) {
  const auto form = match_normal_form(g, y, same_differences);
  if (!form) return std::nullopt;
  const auto difference = centred(g, form->data);
  if (difference->axis != form->axis) return std::nullopt;
  return LayerNorm{difference->x, form->scale, {}, form->epsilon, form->axis};
}

// x m with m = [scale] / sqrt(...)
std::optional<LayerNorm> match_multiplied(const Graph& g, ValueId product, ValueId* multiplier) {
  return in_either_order(g, product, "Mul", [&](ValueId x, ValueId m) -> std::optional<LayerNorm> {
    std::vector<ValueId> parts = parts_of_product(g, m);
    parts.push_back(m);
    for (ValueId part : parts) {
      const auto root = match_root_of_mean(g, part);
      const auto difference = root ? centred(g, root->base) : std::nullopt;
      if (!difference || difference->x != x || difference->axis != root->axis || !root->inverse) continue;
      const Product p = product_of(g, m, {part});
      const bool alone = p.operands.size() == 1;
      if (p.factor != 1 || !p.divisors.empty() || p.operands.size() > 2) continue;
      const ValueId scale = alone ? ValueId{} : p.operands[p.operands[0] == part ? 1 : 0];
      if (scale && !fits_rows(g, scale, x, root->axis)) continue;
      *multiplier = m;
      return LayerNorm{x, scale, {}, root->epsilon, root->axis};
    }
    return std::nullopt;
  });
}

// y = x m + (bias - mean m)
std::optional<LayerNorm> match_tensorflow(const Graph& g, ValueId y) {
  return in_either_order(g, y, "Add", [&](ValueId product, ValueId shift) -> std::optional<LayerNorm> {
    const Node* difference = made_by(g, shift, "Sub");
    ValueId multiplier;
    auto norm = difference != nullptr ? match_multiplied(g, product, &multiplier) : std::nullopt;
    if (!norm || !fits_rows(g, difference->input(0), norm->x, norm->axis)) return std::nullopt;
    norm->bias = difference->input(0);
    return in_either_order(
        g, difference->input(1), "Mul", [&](ValueId mean, ValueId m) -> std::optional<LayerNorm> {
          const auto found = mean_of_rows(g, mean);
          if (m != multiplier || !found || found->value != norm->x || found->axis != norm->axis)
            return std::nullopt;
          return norm;
        });
  });
}

std::optional<LayerNorm> match_layer_norm(const Graph& g, ValueId y) {
  if (auto norm = match_divided(g, y)) return norm;
  if (auto norm = match_tensorflow(g, y)) return norm;
  return in_either_order(g, y, "Add", [&](ValueId core, ValueId bias) -> std::optional<LayerNorm> {
    auto norm = g.value(core).type.encoded() ? std::nullopt : match_divided(g, core);
    if (!norm || !fits_rows(g, bias, norm->x, norm->axis)) return std::nullopt;
    norm->bias = bias;
    return norm;
  });
}

}  // namespace

FusionResult fuse_layer_norm(Graph& g) {
  FusionResult result;
  for_each_last(g, {"Add", "Mul", "Div"}, [&](NodeId id) {
    const ValueId y = g.node(id).outputs[0];
    const auto norm = match_layer_norm(g, y);
    if (!norm || !same_rank(g, norm->x, y)) return;
    const auto nodes = claim(g, id, {norm->x}, "LayerNormalization", result);
    const ValueId scale = nodes ? row_or_ones(g, norm->scale, norm->x, norm->axis) : ValueId{};
    if (!scale) return;
    Replacement by{
        "LayerNormalization", {norm->x, scale}, {{"axis", norm->axis}, {"epsilon", norm->epsilon}}};
    if (norm->bias) by.inputs.push_back(row_or_ones(g, norm->bias, norm->x, norm->axis));
    become(g, id, *nodes, std::move(by), result);
  });
  return result;
}

}  // namespace precis::fusions
