// Matching of normalizations; see the header.
#include "precis/graph/fusions/normal_form.h"

#include <algorithm>

#include "precis/core/text.h"

namespace precis::fusions {
namespace {

// sqrt(s): the s behind Sqrt or Pow(0.5).
ValueId radicand(const Graph& g, ValueId v) {
  if (const ValueId s = operand_of(g, v, "Sqrt")) return s;
  const Node* power = made_by(g, v, "Pow");
  return power != nullptr && is_scalar(g, power->input(1), 0.5) ? power->input(0) : ValueId{};
}

// 1 / sqrt(s): Reciprocal(Sqrt), Pow(-0.5) or a quotient of one.
ValueId inverse_radicand(const Graph& g, ValueId v) {
  if (const ValueId root = operand_of(g, v, "Reciprocal")) return radicand(g, root);
  if (const Node* power = made_by(g, v, "Pow"); power != nullptr && is_scalar(g, power->input(1), -0.5))
    return power->input(0);
  const Node* quotient = made_by(g, v, "Div");
  return quotient != nullptr && is_scalar(g, quotient->input(0), 1) ? radicand(g, quotient->input(1))
                                                                    : ValueId{};
}

// The b of which `v` is the square.
ValueId base_of_square(const Graph& g, ValueId v) {
  if (const Node* power = made_by(g, v, "Pow"); power != nullptr && is_scalar(g, power->input(1), 2))
    return power->input(0);
  const Node* product = made_by(g, v, "Mul");
  return product != nullptr && product->inputs[0] == product->inputs[1] ? product->inputs[0] : ValueId{};
}

Shape rows_shape(const Graph& g, ValueId x, int64_t axis, bool* known) {
  std::vector<int64_t> dims;
  *known = true;
  for (int64_t a = axis; a < 0; ++a) {
    const Dim d = dim_of(g, x, static_cast<int>(a));
    *known = *known && d.known();
    dims.push_back(d.value);
  }
  return Shape(std::move(dims));
}

}  // namespace

std::optional<MeanOfRows> mean_of_rows(const Graph& g, ValueId v) {
  const Node* n = made_by(g, v, "ReduceMean");
  const Tensor* axes = n != nullptr ? g.constant(n->input(1)) : nullptr;
  const auto rank = n != nullptr ? rank_of(g, n->inputs[0]) : std::nullopt;
  if (axes == nullptr || !rank || n->get_int("keepdims", 1) != 1 || axes->numel() == 0) return std::nullopt;
  std::vector<int64_t> from_end = to_int64s(*axes, "axes");
  for (int64_t& a : from_end) a = a >= 0 ? a - *rank : a;
  std::sort(from_end.begin(), from_end.end());
  for (size_t i = 0; i < from_end.size(); ++i)
    if (from_end[i] != static_cast<int64_t>(i) - static_cast<int64_t>(from_end.size())) return std::nullopt;
  return MeanOfRows{n->inputs[0], from_end.front()};
}

std::optional<RootOfMean> match_root_of_mean(const Graph& g, ValueId v) {
  RootOfMean found;
  ValueId s = radicand(g, v);
  if (!s) {
    s = inverse_radicand(g, v);
    found.inverse = true;
  }
  const auto sum = sum_with_scalar(g, s);
  if (!sum || sum->constant < 0) return std::nullopt;
  const auto mean = mean_of_rows(g, sum->value);
  if (!mean) return std::nullopt;
  found.squares = mean->value;
  found.base = base_of_square(g, mean->value);
  found.epsilon = sum->constant;
  found.axis = mean->axis;
  return found;
}

std::optional<NormalForm> match_normal_form(const Graph& g, ValueId y, SameData same) {
  for (ValueId part : parts_of_product(g, y)) {
    const auto root = match_root_of_mean(g, part);
    if (!root || !root->base) continue;
    Product p = product_of(g, y, {part, root->base});
    auto& where = root->inverse ? p.operands : p.divisors;
    const auto at = std::find(where.begin(), where.end(), part);
    if (at == where.end() || p.factor != 1) continue;
    where.erase(at);
    if (!p.divisors.empty() || p.operands.empty() || p.operands.size() > 2) continue;
    if (!same(g, p.operands[0], root->base)) std::reverse(p.operands.begin(), p.operands.end());
    const ValueId data = p.operands[0], scale = p.operands.size() == 2 ? p.operands[1] : ValueId{};
    if (!same(g, data, root->base) || (scale && !fits_rows(g, scale, data, root->axis))) continue;
    return NormalForm{data, root->base, scale, root->epsilon, root->axis};
  }
  return std::nullopt;
}

bool fits_rows(const Graph& g, ValueId v, ValueId x, int64_t axis) {
  const Tensor* t = v ? g.constant(v) : nullptr;
  if (t == nullptr || t->dtype() != DType::kF32 || g.value(v).type.encoded()) return false;
  bool known = false;
  const Shape wanted = rows_shape(g, x, axis, &known);
  const Shape& shape = t->shape();
  if (!known || t->numel() != wanted.numel() || shape.rank() < wanted.rank()) return false;
  return std::equal(wanted.begin(), wanted.end(), shape.end() - wanted.rank());
}

ValueId row_or_ones(Graph& g, ValueId v, ValueId x, int64_t axis) {
  if (v) {
    const Tensor& t = *g.constant(v);
    if (t.shape().rank() == -axis) return v;
    const std::vector<int64_t> dims(t.shape().end() + axis, t.shape().end());
    return g.add_constant(g.unique_value_name(g.value(v).name + "/row"), t.reshaped(Shape(dims)));
  }
  bool known = false;
  const Shape shape = rows_shape(g, x, axis, &known);
  if (!known) return {};
  Tensor ones(DType::kF32, shape);
  for (float& one : ones.data<float>()) one = 1;
  return g.add_constant(g.unique_value_name(g.value(x).name + "/ones"), std::move(ones));
}

}  // namespace precis::fusions
