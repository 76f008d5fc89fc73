// Upgrade rules for Upsample (opsets 1 to 9) and the first Resize (opset 10): both scaled coordinates without
// any offset, which newer opsets call "asymmetric".
#include <algorithm>

#include "precis/onnx/upgrade_rules.h"

namespace precis::onnx_io {
namespace {

// Nearest neighbours: enlarging took the floor of the source coordinate. Shrinking took the ceiling, as the
// runtimes of that time agree.
const char* old_nearest_mode(Rewrite& r, ValueId scales_id) {
  const Tensor* scales = r.graph().constant(scales_id);
  if (!scales) return "floor";
  bool shrinks = false, enlarges = false;
  for (int64_t i = 0; i < scales->numel(); ++i) {
    shrinks = shrinks || scales->at_double(i) < 1;
    enlarges = enlarges || scales->at_double(i) > 1;
  }
  return shrinks && !enlarges ? "ceil" : "floor";
}

// (X, scales) -> (X, no roi, scales) with the old coordinates made explicit.
void asymmetric_resize(Rewrite& r) {
  const NodeId id = r.id();
  const ValueId scales = r.node().input(1);
  check(bool(scales), ErrorCode::kMalformed, "{}: it has no scales", describe(r.graph(), r.node()));
  const std::string mode = r.node().get_string("mode", "nearest");
  r.graph().set_inputs(id, {r.node().input(0), ValueId{}, scales});
  Node& n = r.node();
  n.op = "Resize";
  n.attributes["mode"] = mode == "bilinear" ? std::string("linear") : mode;
  n.attributes["coordinate_transformation_mode"] = std::string("asymmetric");
  if (mode == "nearest") n.attributes["nearest_mode"] = std::string(old_nearest_mode(r, scales));
}

void set_scales(Rewrite& r, const std::vector<float>& scales) {
  r.set_constant_input(1, Tensor::from<float>(Shape{static_cast<int64_t>(scales.size())}, scales), "scales");
}

void upsample_sides(Rewrite& r) {
  const auto height = r.take<float>("height_scale"), width = r.take<float>("width_scale");
  if (height && width) set_scales(r, {1, 1, *height, *width});
}

void upsample_scales(Rewrite& r) {
  if (const auto scales = r.take<std::vector<float>>("scales")) set_scales(r, *scales);
}

// Until opset 13 unused inputs of Resize had to be given as empty tensors.
void drop_empty_inputs(Rewrite& r) {
  for (size_t slot = 1; slot < r.node().inputs.size(); ++slot) {
    const Tensor* t = r.graph().constant(r.node().inputs[slot]);
    if (t && t->numel() == 0) r.graph().set_input(r.id(), slot, {});
  }
}

constexpr UpgradeRule kRules[] = {
    {"Resize", 11, asymmetric_resize}, {"Resize", 13, drop_empty_inputs},   {"Upsample", 7, upsample_sides},
    {"Upsample", 9, upsample_scales},  {"Upsample", 10, asymmetric_resize},
};

}  // namespace

std::span<const UpgradeRule> resize_upgrades() { return kRules; }

}  // namespace precis::onnx_io
