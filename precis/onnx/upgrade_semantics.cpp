// Upgrade rules for operators whose meaning changed: explicit broadcasting, softmax over a flattened tail,
// batch and group normalization.
#include <algorithm>

#include "precis/onnx/upgrade_rules.h"

namespace precis::onnx_io {
namespace {

using Ints = std::vector<int64_t>;

// Gives input 1 `trailing` more dimensions of length 1 at its end.
void append_dimensions(Rewrite& r, int64_t rank, int64_t trailing) {
  if (trailing <= 0) return;
  const ValueId b = r.node().input(1);
  if (const Tensor* constant = r.graph().constant(b)) {
    Ints dims = constant->shape().dims();
    dims.resize(dims.size() + static_cast<size_t>(trailing), 1);
    r.set_constant_input(1, constant->reshaped(Shape(std::move(dims))), "broadcast");
    return;
  }
  Ints axes(static_cast<size_t>(trailing));
  for (size_t i = 0; i < axes.size(); ++i) axes[i] = rank + static_cast<int64_t>(i);
  const Shape shape{trailing};
  const std::string name = r.graph().unique_value_name(r.added_name("axes"));
  const ValueId axes_id = r.graph().add_constant(name, Tensor::from<int64_t>(shape, axes));
  const ValueId wider = r.before("Unsqueeze", {b, axes_id}, {}, "unsqueezed");
  r.graph().set_input(r.id(), 1, wider);
}

// Below opset 7 the second input was broadcast only on request, with its first dimension at `axis` of the
// first input (default: aligned at the end, as today).
void explicit_broadcast(Rewrite& r) {
  const int64_t broadcast = r.take<int64_t>("broadcast").value_or(0);
  const auto axis = r.take<int64_t>("axis");
  if (broadcast == 0 || !axis) return;
  const SymbolicShape a = r.shape(0), b = r.shape(1);
  if (!a || !b) r.unsupported("it broadcasts along an axis (as before opset 7) and the shapes are not known");
  const auto rank_a = static_cast<int64_t>(a->size()), rank_b = static_cast<int64_t>(b->size());
  const int64_t from = *axis < 0 ? *axis + rank_a : *axis;
  check(from >= 0 && from + rank_b <= rank_a, ErrorCode::kMalformed,
        "{}: input 1 of rank {} does not fit at axis {} of input 0 of rank {}", describe(r.graph(), r.node()),
        rank_b, *axis, rank_a);
  append_dimensions(r, rank_b, rank_a - from - rank_b);
}

// Below opset 7 a slope of one dimension had one element per channel (dimension 1).
void prelu_slope(Rewrite& r) {
  const SymbolicShape slope = r.shape(1), x = r.shape(0);
  if (slope && slope->size() == 1 && (*slope)[0].value == 1) return;
  if (!slope || !x)
    r.unsupported("its slope is per channel (as before opset 7) and the shapes are not known");
  if (slope->size() == 1) append_dimensions(r, 1, static_cast<int64_t>(x->size()) - 2);
}

void gemm_broadcast(Rewrite& r) { r.drop("broadcast"); }

// Below opset 13 these flattened their input to two dimensions at `axis` (default 1) and worked on the second
// one.
void flattened_softmax(Rewrite& r) {
  const int64_t axis = r.node().get_int("axis", 1);
  const SymbolicShape shape = r.shape(0);
  if (!shape && axis == -1) return;
  if (shape) {
    const auto rank = static_cast<int64_t>(shape->size());
    const int64_t first =
        std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, std::max<int64_t>(rank - 1, 0));
    Ints longer;  // dimensions of the flattened part that may have more than one element
    for (int64_t i = first; i < rank; ++i)
      if ((*shape)[static_cast<size_t>(i)].value != 1) longer.push_back(i);
    if (longer.size() <= 1) {
      r.node().attributes["axis"] = longer.empty() ? first : longer[0];
      return;
    }
  }
  const ValueId x = r.node().input(0);
  const ValueId dims = r.before("Shape", {x}, {}, "shape");
  const ValueId flat = r.before("Flatten", {x}, {{"axis", axis}}, "flattened");
  r.graph().set_input(r.id(), 0, flat);
  r.node().attributes["axis"] = int64_t{-1};
  r.after("Reshape", {dims}, {}, "flat");
}

// Inference form: per-channel statistics given as inputs, one output.
void batch_norm_inference(Rewrite& r) {
  if (r.opset() < 9 && r.take<int64_t>("spatial").value_or(1) == 0)
    r.unsupported("spatial = 0 (statistics per activation) has no form in newer opsets");
  r.drop("is_test");
  const Node& n = r.node();
  for (size_t i = 1; i < n.outputs.size(); ++i) {
    if (!n.outputs[i]) continue;
    const Value& v = r.graph().value(n.outputs[i]);
    if (!v.uses.empty() || r.graph().is_output(n.outputs[i]))
      r.unsupported("its output '" + v.name + "' belongs to training; export the model for inference");
    r.graph().set_output(r.id(), i, {});
  }
  r.node().outputs.resize(1);
}

// Scale and bias were per group until opset 21, then per channel.
void group_norm_per_channel(Rewrite& r) {
  const int64_t groups = r.node().get_int("num_groups", 0);
  const SymbolicShape x = r.shape(0);
  if (!x || x->size() < 2 || !(*x)[1].known())
    r.unsupported("its scale is per group (as before opset 21) and the channels are not known");
  const int64_t channels = (*x)[1].value;
  check(groups > 0 && channels % groups == 0, ErrorCode::kMalformed,
        "{}: {} channels do not divide into {} groups", describe(r.graph(), r.node()), channels, groups);
  const auto ints = [&](Ints values, const char* what) {
    const Shape shape{static_cast<int64_t>(values.size())};
    return r.graph().add_constant(r.graph().unique_value_name(r.added_name(what)),
                                  Tensor::from<int64_t>(shape, values));
  };
  const ValueId axes = ints({1}, "axes"), grid = ints({groups, channels / groups}, "grid"),
                flat = ints({channels}, "channels");
  for (size_t slot : {size_t{1}, size_t{2}}) {
    const ValueId column = r.before("Unsqueeze", {r.node().input(slot), axes}, {}, "column");
    const ValueId rows = r.before("Expand", {column, grid}, {}, "per_group");
    r.graph().set_input(r.id(), slot, r.before("Reshape", {rows, flat}, {}, "per_channel"));
  }
}

constexpr UpgradeRule kRules[] = {
    {"Add", 7, explicit_broadcast, Shapes::kUsed},
    {"And", 7, explicit_broadcast, Shapes::kUsed},
    {"BatchNormalization", 14, batch_norm_inference},
    {"Div", 7, explicit_broadcast, Shapes::kUsed},
    {"Equal", 7, explicit_broadcast, Shapes::kUsed},
    {"Gemm", 7, gemm_broadcast},
    {"Greater", 7, explicit_broadcast, Shapes::kUsed},
    {"GroupNormalization", 21, group_norm_per_channel, Shapes::kUsed},
    {"Hardmax", 13, flattened_softmax, Shapes::kUsed},
    {"Less", 7, explicit_broadcast, Shapes::kUsed},
    {"LogSoftmax", 13, flattened_softmax, Shapes::kUsed},
    {"Mul", 7, explicit_broadcast, Shapes::kUsed},
    {"Or", 7, explicit_broadcast, Shapes::kUsed},
    {"PRelu", 7, prelu_slope, Shapes::kUsed},
    {"Pow", 7, explicit_broadcast, Shapes::kUsed},
    {"Softmax", 13, flattened_softmax, Shapes::kUsed},
    {"Sub", 7, explicit_broadcast, Shapes::kUsed},
    {"Xor", 7, explicit_broadcast, Shapes::kUsed},
};

}  // namespace

std::span<const UpgradeRule> semantic_upgrades() { return kRules; }

}  // namespace precis::onnx_io
