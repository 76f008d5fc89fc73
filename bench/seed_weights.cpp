// See seed_weights.h.
#include "bench/seed_weights.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/rng.h"
#include "precis/graph/op.h"

namespace precis::bench {
namespace {

// How a parameter's numbers are drawn.
struct Draw {
  enum class Kind { kNormal, kUniform };
  Kind kind = Kind::kNormal;
  float a = 0, b = 0;  // standard deviation; or lowest and highest
};

constexpr Draw kAboutZero{Draw::Kind::kNormal, 0.05f, 0};
constexpr Draw kAboutOne{Draw::Kind::kUniform, 0.8f, 1.25f};

// The tensor behind `node` when it only shapes a constant; the contents of fills do not matter, they are
// drawn anew or all equal.
std::optional<Tensor> constant_result(const Graph& g, const Node& node) {
  const SymbolicShape& shape = g.value(node.output(0)).type.shape;
  if (!fully_known(shape)) return std::nullopt;
  if (node.is("ConstantOfShape")) {
    const Attribute* value = node.find("value");
    const Tensor fill = value != nullptr ? std::get<Tensor>(*value) : Tensor::scalar(0.0f);
    if (fill.dtype() != DType::kF32) return std::nullopt;
    Tensor result(DType::kF32, to_shape(shape));
    std::ranges::fill(result.data<float>(), fill.data<float>()[0]);
    return result;
  }
  const Tensor* source =
      node.is("Reshape") || node.is("Unsqueeze") || node.is("Squeeze") ? g.constant(node.input(0)) : nullptr;
  if (source == nullptr || source->dtype() != DType::kF32) return std::nullopt;
  return source->reshaped(to_shape(shape));
}

void make_initializers(Graph& g) {
  const std::vector<NodeId> order(g.order().begin(), g.order().end());
  for (NodeId id : order) {
    const auto tensor = constant_result(g, g.node(id));
    const ValueId made = g.node(id).output(0);
    if (!tensor || g.is_output(made)) continue;
    const std::string name = g.value(made).name;
    const ValueId constant = g.add_constant(g.unique_value_name(name), *tensor);
    g.replace_uses(made, constant);
    g.remove_node(id);
    g.remove_if_dead(made);
    g.rename_value(constant, name);
  }
  g.remove_dead_values();
}

// Does the result of `id` reach a Relu before another weight? A Relu halves the mean square, which its
// weights make up for.
bool relu_follows(const Graph& g, NodeId id) {
  for (int steps = 0; steps < 8; ++steps) {  // longer chains of these operators do not occur
    const auto& uses = g.value(g.node(id).output(0)).uses;
    if (uses.empty()) return false;
    id = uses.front().node;
    const Node& next = g.node(id);
    if (next.is("Relu")) return true;
    const bool channel_arithmetic =
        (next.is("Mul") || next.is("Add")) &&
        (g.constant(next.input(0)) != nullptr || g.constant(next.input(1)) != nullptr);
    if (!channel_arithmetic && !next.is("BatchNormalization") && !next.is("Concat") && !next.is("MaxPool") &&
        !next.is("AveragePool"))
      return false;
  }
  return false;
}

Draw he_normal(const Graph& g, NodeId consumer, int64_t fan_in) {
  const float gain = relu_follows(g, consumer) ? 2.0f : 1.0f;
  return {Draw::Kind::kNormal, std::sqrt(gain / static_cast<float>(std::max<int64_t>(fan_in, 1))), 0};
}

// What the first consumer takes the constant for; nullopt: not a parameter that training would set.
std::optional<Draw> draw_for(const Graph& g, const Use& use, const Shape& shape) {
  const Node& n = g.node(use.node);
  const int slot = use.slot;
  if (n.is("Conv") && slot == 1 && shape.rank() > 1)
    return he_normal(g, use.node, shape.numel() / std::max<int64_t>(shape[0], 1));
  if (n.is("Gemm") && slot == 1 && shape.rank() == 2)
    return he_normal(g, use.node, shape[n.get_int("transB", 0) != 0 ? 1 : 0]);
  if (n.is("MatMul") && slot == 1 && shape.rank() > 1) return he_normal(g, use.node, shape[shape.rank() - 2]);
  if ((n.is("Conv") || n.is("Gemm")) && slot == 2) return kAboutZero;
  if (n.is("BatchNormalization") && slot > 0) return slot == 1 || slot == 4 ? kAboutOne : kAboutZero;
  if (shape.numel() > 1 && n.is("Mul")) return kAboutOne;
  if (shape.numel() > 1 && n.is("Add")) return kAboutZero;
  return std::nullopt;
}

Tensor drawn(const Shape& shape, const Draw& draw, uint64_t seed, std::string_view name) {
  Tensor t(DType::kF32, shape);
  Rng rng(seed, xxh3(std::as_bytes(std::span(name))));
  for (float& x : t.data<float>())
    x = draw.kind == Draw::Kind::kNormal ? draw.a * rng.normal() : rng.uniform(draw.a, draw.b);
  return t;
}

}  // namespace

SeedReport seed_weights(Model& model, uint64_t seed) {
  Graph& g = model.graph;
  infer_types(g);
  make_initializers(g);
  SeedReport report;
  for (ValueId id : g.initializers()) {
    const Value& v = g.value(id);
    if (v.uses.empty() || v.type.encoded() || v.constant->dtype() != DType::kF32) continue;
    const auto draw = draw_for(g, v.uses.front(), v.constant->shape());
    if (!draw) continue;
    report.parameters += v.constant->numel();
    ++report.tensors;
    g.set_constant(id, drawn(v.constant->shape(), *draw, seed, v.name));
  }
  check(report.tensors > 0, ErrorCode::kUsage,
        "graph '{}' has no f32 weights to seed; expected initializers or constant fills read by Conv, Gemm, "
        "MatMul or BatchNormalization",
        g.name);
  return report;
}

}  // namespace precis::bench
