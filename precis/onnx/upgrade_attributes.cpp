// Upgrade rules for attributes that became inputs, changed their type or default, or went away.
#include "precis/core/text.h"
#include "precis/graph/onnx_dtype.h"
#include "precis/onnx/upgrade_rules.h"

namespace precis::onnx_io {
namespace {

using Ints = std::vector<int64_t>;

// A scalar of the type that the node's data has (f32 when that is not known).
Tensor scalar_like_data(Rewrite& r, float value) {
  const DType dtype = r.dtype(0);
  const Tensor t = Tensor::scalar(value);
  return dtype == DType::kUndefined || dtype == DType::kF32 ? t : t.cast(dtype);
}

void axes_to_input(Rewrite& r) { r.ints_to_input("axes", 1); }

void split_to_input(Rewrite& r) {
  if (r.opset() < 2 && r.node().input(1)) r.unsupported("its split lengths are an input of opset 1");
  r.ints_to_input("split", 1);
}

// Until opset 18 a Split without lengths meant equal parts, as many as there are outputs.
void split_counts_outputs(Rewrite& r) {
  if (!r.node().input(1) && !r.node().has("num_outputs"))
    r.node().attributes["num_outputs"] = static_cast<int64_t>(r.node().outputs.size());
}

void slice_to_inputs(Rewrite& r) {
  for (const char* required : {"starts", "ends"})
    check(r.node().has(required), ErrorCode::kMalformed, "{}: attribute '{}' is missing",
          describe(r.graph(), r.node()), required);
  r.ints_to_input("starts", 1);
  r.ints_to_input("ends", 2);
  r.ints_to_input("axes", 3);
}

void pad_paddings(Rewrite& r) {
  if (auto pads = r.take<Ints>("paddings")) r.node().attributes["pads"] = std::move(*pads);
}

void pad_to_inputs(Rewrite& r) {
  r.ints_to_input("pads", 1);
  const auto value = r.take<float>("value");
  if (value && r.node().get_string("mode", "constant") == "constant")
    r.set_constant_input(2, scalar_like_data(r, *value), "value");
}

void clip_to_inputs(Rewrite& r) {
  const auto min = r.take<float>("min"), max = r.take<float>("max");
  if (min) r.set_constant_input(1, scalar_like_data(r, *min), "min");
  if (max) r.set_constant_input(2, scalar_like_data(r, *max), "max");
}

void dropout_to_inputs(Rewrite& r) {
  r.drop("is_test");
  if (const auto ratio = r.take<float>("ratio")) r.set_constant_input(1, Tensor::scalar(*ratio), "ratio");
}

void topk_to_inputs(Rewrite& r) {
  const auto k = r.take<int64_t>("k");
  check(k.has_value(), ErrorCode::kMalformed, "{}: attribute 'k' is missing", describe(r.graph(), r.node()));
  r.set_constant_input(1, Tensor::from<int64_t>(Shape{1}, {*k}), "k");
}

void reshape_to_inputs(Rewrite& r) { r.ints_to_input("shape", 1); }

// Opset 1: inputs tiles (how often) and axis, both single elements of the data's type.
void tile_to_repeats(Rewrite& r) {
  const Tensor* tiles = r.graph().constant(r.node().input(1));
  const Tensor* axis = r.graph().constant(r.node().input(2));
  const SymbolicShape shape = r.shape(0);
  if (!tiles || !axis || !shape || tiles->numel() != 1 || axis->numel() != 1)
    r.unsupported("its repeats cannot be computed from unknown shapes or computed inputs");
  Ints repeats(shape->size(), 1);
  repeats[static_cast<size_t>(normalize_axis(axis->at_int(0), static_cast<int>(shape->size()), "Tile"))] =
      tiles->at_int(0);
  r.graph().set_input(r.id(), 2, {});
  r.node().inputs.resize(2);
  r.set_constant_input(1, Tensor::from<int64_t>(Shape{static_cast<int64_t>(repeats.size())}, repeats),
                       "repeats");
}

void cast_to_number(Rewrite& r) {
  const auto name = r.take<std::string>("to");
  if (!name) return;
  int64_t code = 1;
  while (onnx_dtype_name(code) && *name != onnx_dtype_name(code)) ++code;
  check(onnx_dtype_name(code) != nullptr, ErrorCode::kMalformed,
        "{}: attribute 'to' is '{}', expected a type's name", describe(r.graph(), r.node()),
        printable(*name));
  r.node().attributes["to"] = code;
}

void concat_axis(Rewrite& r) {
  if (!r.node().has("axis")) r.node().attributes["axis"] = int64_t{1};
}

void selu_constants(Rewrite& r) {
  if (!r.node().has("alpha")) r.node().attributes["alpha"] = 1.6732f;
  if (!r.node().has("gamma")) r.node().attributes["gamma"] = 1.0507f;
}

void lp_power(Rewrite& r) {
  if (const auto p = r.take<float>("p")) r.node().attributes["p"] = static_cast<int64_t>(*p);
}

void drop_output_sequence(Rewrite& r) { r.drop("output_sequence"); }

void scatter_elements(Rewrite& r) { r.node().op = "ScatterElements"; }

void grid_sample_modes(Rewrite& r) {
  const std::string mode = r.node().get_string("mode", "bilinear");
  if (mode == "bilinear") r.node().attributes["mode"] = std::string("linear");
  if (mode == "bicubic") r.node().attributes["mode"] = std::string("cubic");
}

// The default axis changed from 1 to -2 when the attribute became an input.
void dft_axis(Rewrite& r) {
  r.set_constant_input(2, Tensor::scalar<int64_t>(r.take<int64_t>("axis").value_or(1)), "axis");
}

void roi_align_coordinates(Rewrite& r) {
  r.node().attributes["coordinate_transformation_mode"] = std::string("output_half_pixel");
}

constexpr UpgradeRule kRules[] = {
    {"Cast", 6, cast_to_number},
    {"Clip", 11, clip_to_inputs},
    {"Concat", 4, concat_axis},
    {"DFT", 20, dft_axis},
    {"Dropout", 12, dropout_to_inputs},
    {"GRU", 7, drop_output_sequence},
    {"GlobalLpPool", 2, lp_power},
    {"GridSample", 20, grid_sample_modes},
    {"LSTM", 7, drop_output_sequence},
    {"LpPool", 2, lp_power},
    {"Pad", 2, pad_paddings},
    {"Pad", 11, pad_to_inputs},
    {"RNN", 7, drop_output_sequence},
    {"ReduceL1", 18, axes_to_input},
    {"ReduceL2", 18, axes_to_input},
    {"ReduceLogSum", 18, axes_to_input},
    {"ReduceLogSumExp", 18, axes_to_input},
    {"ReduceMax", 18, axes_to_input},
    {"ReduceMean", 18, axes_to_input},
    {"ReduceMin", 18, axes_to_input},
    {"ReduceProd", 18, axes_to_input},
    {"ReduceSum", 13, axes_to_input},
    {"ReduceSumSquare", 18, axes_to_input},
    {"Reshape", 5, reshape_to_inputs},
    {"RoiAlign", 16, roi_align_coordinates},
    {"Scatter", 11, scatter_elements},
    {"Selu", 6, selu_constants},
    {"Slice", 10, slice_to_inputs},
    {"Split", 13, split_to_input},
    {"Split", 18, split_counts_outputs},
    {"Squeeze", 13, axes_to_input},
    {"Tile", 6, tile_to_repeats, Shapes::kUsed},
    {"TopK", 10, topk_to_inputs},
    {"Unsqueeze", 13, axes_to_input},
};

}  // namespace

std::span<const UpgradeRule> attribute_upgrades() { return kRules; }

}  // namespace precis::onnx_io
