// Activation functions and normalizations written out; see expand_rules.h. The forms are those that exporters
// write, so that other tools know them again.
#include <cmath>

#include "precis/graph/onnx_dtype.h"
#include "precis/onnx/expand_rules.h"

namespace precis::onnx_io {

// HardSwish(x) = x * HardSigmoid(x; 1/6, 1/2)
bool expand_hard_swish(NodeSite& s) {
  const ValueId x = s.in(0);
  const ValueId gate = s.op("HardSigmoid", {x}, {{"alpha", 1.0f / 6}, {"beta", 0.5f}});
  s.become("Mul", {x, gate});
  return true;
}

// Swish(x) = x * Sigmoid(alpha x)
bool expand_swish(NodeSite& s) {
  const ValueId x = s.in(0);
  const float alpha = s.node().get_float("alpha", 1);
  const ValueId argument = alpha == 1 ? x : s.op("Mul", {x, s.scalar(alpha, "alpha")});
  s.become("Mul", {x, s.op("Sigmoid", {argument})});
  return true;
}

namespace {

// sqrt(2 / pi) (x + 0.044715 x^3)
ValueId tanh_argument(NodeSite& s, ValueId x) {
  const ValueId cube = s.op("Mul", {s.op("Mul", {x, x}), x});
  const ValueId sum = s.op("Add", {x, s.op("Mul", {cube, s.scalar(0.044715f, "cubic")})});
  return s.op("Mul", {sum, s.scalar(0.79788456f, "slope")});
}

}  // namespace

// Gelu(x) = x (1 + erf(x / sqrt(2))) / 2, or the same with the tanh that comes near it
bool expand_gelu(NodeSite& s) {
  const ValueId x = s.in(0);
  const bool tanh = s.node().get_string("approximate", "none") == "tanh";
  const ValueId gate = tanh ? s.op("Tanh", {tanh_argument(s, x)})
                            : s.op("Erf", {s.op("Div", {x, s.scalar(std::sqrt(2.0f), "root_of_two")})});
  const ValueId product = s.op("Mul", {x, s.op("Add", {gate, s.scalar(1, "one")})});
  s.become("Mul", {product, s.scalar(0.5f, "half")});
  return true;
}

namespace {

// The axes from the node's on, counted from the end; empty when the rank is not known but needed.
std::vector<int64_t> last_axes(const NodeSite& s) {
  int64_t first = s.node().get_int("axis", -1);
  const SymbolicShape& x = s.g.value(s.in(0)).type.shape;
  if (first >= 0) first = x ? first - static_cast<int64_t>(x->size()) : 0;
  std::vector<int64_t> axes;
  for (; first < 0; ++first) axes.push_back(first);
  return axes;
}

ValueId cast(NodeSite& s, ValueId v, DType to) { return s.op("Cast", {v}, {{"to", int64_t{onnx_code(to)}}}); }

// y = x / sqrt(mean(x^2) + epsilon), in f32 whatever the type of the result (stash_type 1).
ValueId over_root_of_mean(NodeSite& s, ValueId x, ValueId axes) {
  const auto f32 = [&](float v, const char* what) { return s.constant(Tensor::scalar(v), what); };
  const ValueId mean = s.op("ReduceMean", {s.op("Pow", {x, f32(2, "two")}), axes});
  const ValueId sum = s.op("Add", {mean, f32(s.node().get_float("epsilon", 1e-5f), "epsilon")});
  return s.op("Div", {x, s.op("Sqrt", {sum})});
}

bool is_half(DType type) { return type == DType::kF16 || type == DType::kBF16; }

bool expand_norm(NodeSite& s, bool centred) {
  const DType type = s.dtype(0);
  const std::vector<int64_t> last = last_axes(s);
  if (last.empty() || s.wants(1) || s.wants(2) || (type != DType::kF32 && !is_half(type))) return false;
  const ValueId scale = s.in(1), bias = s.in(2), axes = s.ints(last, "axes");
  ValueId x = is_half(type) ? cast(s, s.in(0), DType::kF32) : s.in(0);
  if (centred) x = s.op("Sub", {x, s.op("ReduceMean", {x, axes})});
  x = over_root_of_mean(s, x, axes);
  if (is_half(type)) x = cast(s, x, type);
  if (bias) {
    x = s.op("Mul", {x, scale});
    s.become("Add", {x, bias});
  } else {
    s.become("Mul", {x, scale});
  }
  return true;
}

}  // namespace

bool expand_layer_norm(NodeSite& s) { return expand_norm(s, true); }
bool expand_rms_norm(NodeSite& s) { return expand_norm(s, false); }

}  // namespace precis::onnx_io
