// One rule per change between opsets that can be undone on the node itself.
#include "precis/onnx/downgrade_rules.h"

#include "precis/graph/onnx_dtype.h"

namespace precis::onnx_io {
namespace {

void omit(Node& n, size_t slot) {
  if (slot < n.inputs.size()) n.inputs[slot] = {};
}

// Input `slot` (integers) -> attribute; nothing when it is omitted.
bool to_ints(Downgrade& d, size_t slot, const char* attribute) {
  if (!d.node.input(slot)) return true;
  const Tensor* t = d.constant(slot);
  if (!t) return d.no(std::string("'") + attribute + "' is computed");
  d.node.attributes[attribute] = to_int64s(*t, attribute);
  omit(d.node, slot);
  return true;
}

// Input `slot` (one number) -> float attribute.
bool to_float(Downgrade& d, size_t slot, const char* attribute) {
  if (!d.node.input(slot)) return true;
  const Tensor* t = d.constant(slot);
  if (!t || t->numel() != 1) return d.no(std::string("'") + attribute + "' is computed");
  d.node.attributes[attribute] = static_cast<float>(t->at_double(0));
  omit(d.node, slot);
  return true;
}

bool axes(Downgrade& d) {
  if (!to_ints(d, 1, "axes")) return false;
  const auto it = d.node.attributes.find("axes");
  if (it == d.node.attributes.end()) return true;
  if (std::get<std::vector<int64_t>>(it->second).empty()) {  // no axes in the list: all of them
    if (d.node.get_int("noop_with_empty_axes", 0) != 0) return d.no("it reduces nothing");
    d.node.attributes.erase(it);
    return true;
  }
  d.node.attributes.erase("noop_with_empty_axes");  // only speaks about missing axes
  if (d.opset >= 11) return true;
  for (int64_t axis : std::get<std::vector<int64_t>>(it->second))
    if (axis < 0) return d.no("its axes are negative");
  return true;
}

// No axes in the list means none here, while a missing attribute means all of them (or is refused).
bool named_axes(Downgrade& d) {
  const Tensor* t = d.node.input(1) ? d.constant(1) : nullptr;
  if (t != nullptr && t->numel() == 0) return d.no("its list of axes is empty");
  return axes(d);
}

bool clip(Downgrade& d) { return to_float(d, 1, "min") && to_float(d, 2, "max"); }

bool dropout(Downgrade& d) {
  const Tensor* training = d.constant(2);
  if (d.node.input(2) && (!training || training->at_int(0) != 0)) return d.no("it is in training mode");
  omit(d.node, 2);
  d.node.attributes.erase("seed");
  const ValueId mask = d.node.output(1);  // its type differs there
  if (mask && d.graph.value(mask).uses.empty() && !d.graph.is_output(mask)) d.node.outputs.resize(1);
  return to_float(d, 1, "ratio");
}

bool grid_sample(Downgrade& d) {
  const std::string mode = d.node.get_string("mode", "linear");
  if (mode == "linear") d.node.attributes["mode"] = std::string("bilinear");
  if (mode == "cubic") d.node.attributes["mode"] = std::string("bicubic");
  return true;
}

bool dft(Downgrade& d) {
  if (!d.node.input(2)) return d.no("its default axis differs there");
  const Tensor* t = d.constant(2);
  if (!t) return d.no("its axis is computed");
  d.node.attributes["axis"] = t->at_int(0);
  omit(d.node, 2);
  return true;
}

bool group_norm(Downgrade& d) { return d.no("its scale is per group there"); }

bool pad(Downgrade& d) { return to_ints(d, 1, "pads") && to_float(d, 2, "value"); }

bool per_tensor_only(Downgrade& d) {
  const ValueId scale = d.node.input(1);
  const SymbolicShape shape = scale ? d.graph.value(scale).type.shape : std::nullopt;
  if (!shape || !shape->empty()) return d.no("its scales are per axis");
  d.node.attributes.erase("axis");
  return true;
}

// output_dtype may go when the zero point (or the default) says the same.
bool quantize_type(Downgrade& d) {
  const int64_t code = d.node.get_int("output_dtype", 0);
  const ValueId zero = d.node.input(2);
  const DType dtype = zero ? d.graph.value(zero).type.dtype : DType::kU8;
  if (code != 0 && dtype_from_onnx_code(code) != dtype) return d.no("its output type has no zero point");
  d.node.attributes.erase("output_dtype");
  return true;
}

bool dequantize_type(Downgrade& d) {
  const int64_t code = d.node.get_int("output_dtype", 0);
  const ValueId scale = d.node.input(1);
  if (code != 0 && (!scale || dtype_from_onnx_code(code) != d.graph.value(scale).type.dtype))
    return d.no("its output type differs from its scale's");
  d.node.attributes.erase("output_dtype");
  return true;
}

// Upsample is a Resize with asymmetric coordinates that takes the floor.
bool resize_as_upsample(Downgrade& d) {
  Node& n = d.node;
  const std::string mode = n.get_string("mode", "nearest");
  const bool same = n.get_string("coordinate_transformation_mode", "half_pixel") == "asymmetric" &&
                    !n.input(1) && n.input(2) && !n.input(3) && (mode == "nearest" || mode == "linear") &&
                    (mode == "linear" || n.get_string("nearest_mode", "round_prefer_floor") == "floor");
  if (!same) return d.no("it does more than Upsample");
  for (const char* name :
       {"coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a", "extrapolation_value"})
    n.attributes.erase(name);
  n.op = "Upsample";
  n.inputs = {n.input(0), n.input(2)};
  if (d.opset >= 9) return true;
  const Tensor* scales = d.constant(1);
  if (!scales || scales->dtype() != DType::kF32) return d.no("its scales are computed");
  const auto values = scales->data<float>();
  n.attributes["scales"] = std::vector<float>(values.begin(), values.end());
  n.inputs.resize(1);
  return true;
}

bool resize_before_13(Downgrade& d) {
  if (d.opset < 10) return resize_as_upsample(d);
  if (d.opset == 10) return d.no("its coordinates differ there");
  return d.node.input(1) && d.node.input(2) ? true : d.no("it has no roi or scales");
}

bool roi_align(Downgrade& d) {
  if (d.node.get_string("coordinate_transformation_mode", "half_pixel") != "output_half_pixel")
    return d.no("its coordinates differ there");
  d.node.attributes.erase("coordinate_transformation_mode");
  return true;
}

bool scatter(Downgrade& d) {
  d.node.op = "Scatter";
  return true;
}

bool slice(Downgrade& d) {
  if (const Tensor* steps = d.constant(4)) {
    for (int64_t s : to_int64s(*steps, "steps"))
      if (s != 1) return d.no("it has steps");
  } else if (d.node.input(4)) {
    return d.no("its steps are computed");
  }
  omit(d.node, 4);
  if (!to_ints(d, 1, "starts") || !to_ints(d, 2, "ends") || !to_ints(d, 3, "axes")) return false;
  for (int64_t axis : d.node.get_ints("axes"))
    if (axis < 0) return d.no("its axes are negative");
  return true;
}

// Older opsets flatten from `axis` on: the same when all later dimensions have one element.
bool softmax(Downgrade& d) {
  int64_t axis = d.node.get_int("axis", -1);
  const SymbolicShape& shape = d.graph.value(d.node.input(0)).type.shape;
  if (shape) {
    const auto rank = static_cast<int64_t>(shape->size());
    if (axis < 0) axis += rank;
    for (int64_t i = axis + 1; i < rank; ++i)
      if ((*shape)[static_cast<size_t>(i)].value != 1) return d.no("its axis is not the last");
  } else if (axis != -1) {
    return d.no("its rank is not known");
  }
  d.node.attributes["axis"] = axis;
  return true;
}

bool split_counts(Downgrade& d) {
  if (!d.node.has("num_outputs")) return true;
  const SymbolicShape& shape = d.graph.value(d.node.input(0)).type.shape;
  const auto parts = static_cast<int64_t>(d.node.outputs.size());
  const int64_t rank = shape ? static_cast<int64_t>(shape->size()) : 0;
  int64_t axis = d.node.get_int("axis", 0);
  if (axis < 0) axis += rank;
  const bool even = axis >= 0 && axis < rank && (*shape)[static_cast<size_t>(axis)].known() &&
                    (*shape)[static_cast<size_t>(axis)].value % parts == 0 &&
                    d.node.get_int("num_outputs", 0) == parts;
  if (!even) return d.no("its parts may be uneven");
  d.node.attributes.erase("num_outputs");
  return true;
}

bool split_lengths(Downgrade& d) { return to_ints(d, 1, "split"); }

bool topk(Downgrade& d) {
  const Tensor* k = d.constant(1);
  if (!k || k->numel() != 1) return d.no("k is computed");
  d.node.attributes["k"] = k->at_int(0);
  omit(d.node, 1);
  return true;
}

constexpr DowngradeRule kRules[] = {
    {"Clip", 11, clip, OldForm::kAttributes},
    {"DFT", 20, dft, OldForm::kAttributes},
    {"DequantizeLinear", 23, dequantize_type},
    {"DequantizeLinear", 13, per_tensor_only},
    {"Dropout", 12, dropout, OldForm::kAttributes},
    {"GridSample", 20, grid_sample},
    {"GroupNormalization", 21, group_norm},
    {"Hardmax", 13, softmax},
    {"LogSoftmax", 13, softmax},
    {"Pad", 11, pad, OldForm::kAttributes},
    {"QuantizeLinear", 21, quantize_type},
    {"QuantizeLinear", 13, per_tensor_only},
    {"ReduceL1", 18, axes, OldForm::kAttributes},
    {"ReduceL2", 18, axes, OldForm::kAttributes},
    {"ReduceLogSum", 18, axes, OldForm::kAttributes},
    {"ReduceLogSumExp", 18, axes, OldForm::kAttributes},
    {"ReduceMax", 18, axes, OldForm::kAttributes},
    {"ReduceMean", 18, axes, OldForm::kAttributes},
    {"ReduceMin", 18, axes, OldForm::kAttributes},
    {"ReduceProd", 18, axes, OldForm::kAttributes},
    {"ReduceSum", 13, axes, OldForm::kAttributes},
    {"ReduceSumSquare", 18, axes, OldForm::kAttributes},
    {"Resize", 13, resize_before_13},
    {"RoiAlign", 16, roi_align},
    {"ScatterElements", 11, scatter},
    {"Slice", 10, slice, OldForm::kAttributes},
    {"Softmax", 13, softmax},
    {"Split", 18, split_counts},
    {"Split", 13, split_lengths, OldForm::kAttributes},
    {"Squeeze", 13, named_axes, OldForm::kAttributes},
    {"TopK", 10, topk, OldForm::kAttributes},
    {"Unsqueeze", 13, named_axes, OldForm::kAttributes},
};

}  // namespace

std::span<const DowngradeRule> downgrade_rules() { return kRules; }

}  // namespace precis::onnx_io
