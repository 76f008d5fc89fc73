// Before:  x -> Add(3) -> Clip(0, 6) -> Mul(x) -> Div(6) -> y      After:  x -> HardSwish -> y
// and the same without the product:  x -> Add(3) -> Clip(0, 6) -> Div(6) -> y  becomes HardSigmoid(alpha=1/6, beta=1/2).
// The divisor may stand before the product, may be a factor 1/6, and a HardSigmoid may be given already. As one function of one
// input it is a table on codes and a fused step in float. Only where nothing else reads the values between.
#include <cmath>
#include <optional>

#include "precis/passes/pass_list.h"

namespace precis::passes {
namespace {

std::optional<float> scalar(const Graph& g, ValueId v) {
  const Tensor* t = v ? g.constant(v) : nullptr;
  if (t == nullptr || t->dtype() != DType::kF32 || t->numel() != 1 || t->shape().rank() > 1 || g.value(v).type.encoded())
    return std::nullopt;  // (a constant of higher rank may raise the result's)
  return t->data<float>()[0];
}

bool is_scalar(const Graph& g, ValueId v, float wanted) {
  const auto found = scalar(g, v);
  return found && std::fabs(*found - wanted) <= 1e-6f * wanted;
}

// The node that makes `v` for `readers` readers only; null otherwise.
const Node* inner(const Graph& g, ValueId v, size_t readers = 1) {
  if (!v || g.value(v).uses.size() != readers || g.is_output(v) || g.value(v).type.encoded()) return nullptr;
  return g.producer(v);
}

// v = s * 6: the value s that Div(6) or Mul(1/6) makes of it.
ValueId sixth_of(const Graph& g, const Node& n) {
  if (n.is("Div") && is_scalar(g, n.input(1), 6)) return n.input(0);
  if (!n.is("Mul")) return {};
  for (size_t i = 0; i < 2; ++i)
    if (is_scalar(g, n.input(i), 1.0f / 6)) return n.input(1 - i);
  return {};
}

// The x behind Clip(Add(x, 3), 0, 6).
ValueId behind_clip(const Graph& g, ValueId v) {
  const Node* clip = inner(g, v);
  if (clip == nullptr || !clip->is("Clip") || scalar(g, clip->input(1)) != 0.0f || !is_scalar(g, clip->input(2), 6)) return {};
  const Node* add = inner(g, clip->input(0));
  if (add == nullptr || !add->is("Add")) return {};
  for (size_t i = 0; i < 2; ++i)
    if (is_scalar(g, add->input(i), 3)) return add->input(1 - i);
  return {};
}

// The x behind a HardSigmoid with the slope and shift of HardSwish, given or composed.
ValueId behind_gate(const Graph& g, ValueId v) {
  const Node* n = inner(g, v);
  if (n == nullptr) return {};
  if (n->is("HardSigmoid")) {
    const bool fits = std::fabs(n->get_float("alpha", 0.2f) - 1.0f / 6) <= 1e-6f && n->get_float("beta", 0.5f) == 0.5f;
    return fits ? n->input(0) : ValueId{};
  }
  return behind_clip(g, sixth_of(g, *n));
}

// x when `product` is x times what `gate` finds behind its other side.
template <typename Gate>
ValueId gated(const Graph& g, const Node& product, const Gate& gate) {
  for (size_t i = 0; product.is("Mul") && i < 2; ++i) {
    const ValueId x = gate(g, product.input(i));
    if (x && x == product.input(1 - i)) return x;
  }
  return {};
}

ValueId hard_swish_input(const Graph& g, const Node& last) {
  if (const ValueId x = gated(g, last, behind_gate)) return x;
  const Node* product = inner(g, sixth_of(g, last));
  return product != nullptr ? gated(g, *product, behind_clip) : ValueId{};
}

// `last` becomes a function of x; what only it needed goes.
void become(Graph& g, NodeId last, const char* op, ValueId x) {
  std::vector<ValueId> gone = g.node(last).inputs;
  g.node(last).op = op;
  g.node(last).attributes.clear();
  g.set_inputs(last, {x});
  while (!gone.empty()) {
    const ValueId v = gone.back();
    gone.pop_back();
    const NodeId producer = v ? g.value(v).producer : NodeId{};
    if (v == x || !producer || !g.value(v).uses.empty() || g.is_output(v)) continue;
    const std::vector<ValueId> inputs = g.node(producer).inputs;
    g.remove_node(producer);
    gone.insert(gone.end(), inputs.begin(), inputs.end());
  }
}

}  // namespace

PassResult fuse_hard_swish(Model& model) {
  Graph& g = model.graph;
  PassResult result;
  const std::vector<NodeId> order(g.order().begin(), g.order().end());
  for (auto it = order.rbegin(); it != order.rend(); ++it) {  // the product before the gate that it may hold
    const Node& n = g.node(*it);
    if (!n.alive || (!n.is("Mul") && !n.is("Div")) || g.value(n.output(0)).type.dtype != DType::kF32) continue;
    if (const ValueId x = hard_swish_input(g, n)) {
      become(g, *it, "HardSwish", x);
      ++result.changes;
    } else if (const ValueId y = behind_clip(g, sixth_of(g, n))) {
      become(g, *it, "HardSigmoid", y);
      g.node(*it).attributes["alpha"] = 1.0f / 6;
      g.node(*it).attributes["beta"] = 0.5f;
      ++result.changes;
    }
  }
  return result;
}

}  // namespace precis::passes
