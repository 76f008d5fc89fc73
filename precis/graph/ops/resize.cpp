// Resize (opset 19): output lengths from scales or sizes.
#include <cmath>

#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

constexpr int64_t kMaxLength = int64_t{1} << 40;

enum Policy { kStretch, kNotLarger, kNotSmaller };

Policy check_attributes(const InferContext& ctx) {
  flag_attr(ctx, "antialias", false);
  flag_attr(ctx, "exclude_outside", false);
  finite_attr(ctx, "cubic_coeff_a", -0.75f);
  finite_attr(ctx, "extrapolation_value", 0);
  choice_attr(ctx, "mode", "nearest", {"nearest", "linear", "cubic"});
  choice_attr(ctx, "nearest_mode", "round_prefer_floor",
              {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"});
  choice_attr(ctx, "coordinate_transformation_mode", "half_pixel",
              {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
               "tf_crop_and_resize", "tf_half_pixel_for_nn"});  // the last one: opsets 11 and 12 only
  return static_cast<Policy>(
      choice_attr(ctx, "keep_aspect_ratio_policy", "stretch", {"stretch", "not_larger", "not_smaller"}));
}

// An empty tensor stands for an omitted input, as older exporters write it.
bool present(const InferContext& ctx, size_t input) {
  return ctx.has_input(input) && !(ctx.rank(input) == 1 && (*ctx.shape(input))[0].value == 0);
}

std::vector<int> resized_axes(const InferContext& ctx, int rank) {
  std::vector<int64_t> all;
  for (int i = 0; i < rank; ++i) all.push_back(i);
  return checked_axes(ctx, ctx.node().get_ints("axes", all), rank, "axis");
}

void require_length(const InferContext& ctx, size_t input, const char* what, size_t expected) {
  if (ctx.rank(input) != 1 || !(*ctx.shape(input))[0].known()) return;
  ctx.require((*ctx.shape(input))[0].value == static_cast<int64_t>(expected),
              "{} (input {}) has {} values, expected {}", what, input, (*ctx.shape(input))[0].value,
              expected);
}

void apply_scales(const InferContext& ctx, const std::vector<int>& axes, std::vector<Dim>& out) {
  require_type(ctx, 2, kFloats);
  ctx.require_rank(2, 1, 1);
  require_length(ctx, 2, "scales", axes.size());
  const bool crop =
      ctx.node().get_string("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize";
  if (crop)
    ctx.require(present(ctx, 1), "coordinate_transformation_mode tf_crop_and_resize needs the input roi");
  const auto scales = ctx.partial(2), roi = crop ? ctx.partial(1) : std::nullopt;
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& d = out[static_cast<size_t>(axes[i])];
    const bool known = scales && scales->elements[i].known;
    const auto scale = known ? static_cast<float>(scales->elements[i].real) : 1.0f;
    ctx.require(std::isfinite(scale) && scale > 0,
                "scales (input 2) hold {} at {}, expected a positive finite number", scale, i);
    const bool whole = known && scale == 1.0f && !crop;
    if (whole) continue;
    const bool roi_known = roi && roi->elements.size() == 2 * axes.size() && roi->fully_known();
    if (!known || !d.known() || (crop && !roi_known)) {
      d = Dim();
      continue;
    }
    const float part = crop ? static_cast<float>(roi->elements[i + axes.size()].real) -
                                  static_cast<float>(roi->elements[i].real)
                            : 1.0f;
    const float length = std::floor(static_cast<float>(d.value) * part * scale);
    ctx.require(length >= 0 && length <= static_cast<float>(kMaxLength) && (length >= 1 || d.value == 0),
                "axis {} of length {} would get length {}, expected at least 1", axes[i], d.value, length);
    d = static_cast<int64_t>(length);
  }
}

// The one scale that keeps the aspect ratio: the smallest (not_larger) or largest (not_smaller) of sizes /
// lengths.
void keep_aspect(const InferContext& ctx, Policy policy, const std::vector<int>& axes,
                 const std::vector<int64_t>& sizes, std::vector<Dim>& out) {
  float scale = 0;
  bool known = true;
  for (size_t i = 0; i < axes.size(); ++i) {
    const Dim& d = out[static_cast<size_t>(axes[i])];
    known = known && d.known() && d.value > 0;
    if (!known) break;
    const float s = static_cast<float>(sizes[i]) / static_cast<float>(d.value);
    scale = i == 0 ? s : policy == kNotLarger ? std::min(scale, s) : std::max(scale, s);
  }
  for (int a : axes) {
    Dim& d = out[static_cast<size_t>(a)];
    const float length =
        known ? std::floor(scale * static_cast<float>(d.value) + 0.5f) : 0;  // halves round up
    ctx.require(!known || (length >= 1 && length <= static_cast<float>(kMaxLength)),
                "axis {} of length {} would get length {}", a, d.value, length);
    d = known ? Dim(static_cast<int64_t>(length)) : Dim();
  }
}

void apply_sizes(const InferContext& ctx, Policy policy, const std::vector<int>& axes,
                 std::vector<Dim>& out) {
  const auto sizes = partial_ints(ctx, 3, "sizes");
  require_length(ctx, 3, "sizes", axes.size());
  std::vector<int64_t> known;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (!sizes || !(*sizes)[i].known) continue;
    known.push_back((*sizes)[i].integer);
    ctx.require(known.back() >= 1 && known.back() <= kMaxLength,
                "sizes (input 3) hold {} at {}, expected at least 1", known.back(), i);
  }
  if (policy != kStretch && known.size() == axes.size()) return keep_aspect(ctx, policy, axes, known, out);
  for (size_t i = 0; i < axes.size(); ++i)
    out[static_cast<size_t>(axes[i])] = sizes && policy == kStretch ? dim_of((*sizes)[i]) : Dim();
}

void infer_resize(InferContext& ctx) {
  const Policy policy = check_attributes(ctx);
  const bool scales = present(ctx, 2), sizes = present(ctx, 3);
  ctx.require(scales != sizes, "has {} scales and sizes, expected one of them", scales ? "both" : "neither");
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  if (!ctx.shape(0)) return;
  ctx.require_rank(0, 1, kMaxRank);
  std::vector<Dim> out = *ctx.shape(0);
  const std::vector<int> axes = resized_axes(ctx, static_cast<int>(out.size()));
  if (scales)
    apply_scales(ctx, axes, out);
  else
    apply_sizes(ctx, policy, axes, out);
  ctx.outputs[0].shape = std::move(out);
}

}  // namespace

const std::vector<OpDecl>& resize_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "Resize",
       .max_inputs = 4,
       .attributes = {{"antialias", AttrKind::kInt},
                      {"axes", AttrKind::kInts},
                      {"coordinate_transformation_mode", AttrKind::kString},
                      {"cubic_coeff_a", AttrKind::kFloat},
                      {"exclude_outside", AttrKind::kInt},
                      {"extrapolation_value", AttrKind::kFloat},
                      {"keep_aspect_ratio_policy", AttrKind::kString},
                      {"mode", AttrKind::kString},
                      {"nearest_mode", AttrKind::kString}},
       .infer = infer_resize,
       .moves_data = true},
  };
  return decls;
}

}  // namespace precis::ops
