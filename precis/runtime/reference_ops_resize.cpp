// Resize: every mode, coordinate transformation, antialias, axes and aspect policy of the ONNX operator.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "precis/core/rounding.h"
#include "precis/kernels/reference/move.h"
#include "precis/runtime/reference_resize.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;
using ref::Coordinates;
using ref::NearestMode;
using ref::ResizeAxis;
using ref::ResizeMode;

template <typename T, size_t N>
T choice(const Node& node, const char* attribute, const char* fallback,
         const std::pair<const char*, T> (&choices)[N]) {
  const std::string text = node.get_string(attribute, fallback);
  for (const auto& [name, value] : choices)
    if (text == name) return value;
  fail_node(node, ErrorCode::kMalformed, "attribute '{}' is '{}', which is none of its values", attribute,
            text);
}

ResizeAxis axis_template(const Node& node) {
  static constexpr std::pair<const char*, ResizeMode> kModes[] = {
      {"nearest", ResizeMode::kNearest}, {"linear", ResizeMode::kLinear}, {"cubic", ResizeMode::kCubic}};
  static constexpr std::pair<const char*, NearestMode> kNearest[] = {
      {"round_prefer_floor", NearestMode::kRoundPreferFloor},
      {"round_prefer_ceil", NearestMode::kRoundPreferCeil},
      {"floor", NearestMode::kFloor},
      {"ceil", NearestMode::kCeil}};
  static constexpr std::pair<const char*, Coordinates> kCoordinates[] = {
      {"half_pixel", Coordinates::kHalfPixel},
      {"half_pixel_symmetric", Coordinates::kHalfPixelSymmetric},
      {"pytorch_half_pixel", Coordinates::kPytorchHalfPixel},
      {"align_corners", Coordinates::kAlignCorners},
      {"asymmetric", Coordinates::kAsymmetric},
      {"tf_crop_and_resize", Coordinates::kTfCropAndResize},
      {"tf_half_pixel_for_nn", Coordinates::kTfHalfPixelForNn}};
  ResizeAxis a;
  a.mode = choice(node, "mode", "nearest", kModes);
  a.nearest = choice(node, "nearest_mode", "round_prefer_floor", kNearest);
  a.coordinates = choice(node, "coordinate_transformation_mode", "half_pixel", kCoordinates);
  a.cubic_a = node.get_float("cubic_coeff_a", -0.75f);
  a.antialias = node.get_int("antialias", 0) != 0;
  a.exclude_outside = node.get_int("exclude_outside", 0) != 0;
  return a;
}

// A float input of exactly `count` finite values; undefined or empty = not given.
std::vector<double> float_list(const Node& node, Inputs inputs, size_t i, size_t count, const char* what) {
  const Tensor* t = optional(inputs, i);
  if (t == nullptr || t->numel() == 0) return {};
  require(node, is_float(t->dtype()) && static_cast<size_t>(t->numel()) == count,
          "{} have shape {} and type {}, expected {} floats", what, t->shape().str(), dtype_name(t->dtype()),
          count);
  std::vector<double> values;
  for (int64_t k = 0; k < t->numel(); ++k) {
    values.push_back(t->at_double(k));
    require(node, std::isfinite(values.back()), "{} contain {}", what, values.back());
  }
  return values;
}

void set_scales(const Node& node, const std::vector<double>& scales, const std::vector<int>& axes,
                std::vector<ResizeAxis>& all) {
  for (size_t i = 0; i < axes.size(); ++i) {
    ResizeAxis& a = all[static_cast<size_t>(axes[i])];
    require(node, scales[i] > 0, "a scale is {}, expected a positive number", scales[i]);
    a.scale = scales[i];
    const float length =
        std::floor(static_cast<float>(a.in) * static_cast<float>(a.scale));  // as ONNX's shape inference
    require(node, length < 0x1p53f, "a scale of {} makes {} elements of {}", scales[i], length, a.in);
    a.out = static_cast<int64_t>(length);
  }
}

void set_sizes(const Node& node, const std::vector<int64_t>& sizes, const std::vector<int>& axes,
               std::vector<ResizeAxis>& all) {
  require(node, sizes.size() == axes.size(), "{} sizes for {} axes", sizes.size(), axes.size());
  const std::string policy = node.get_string("keep_aspect_ratio_policy", "stretch");
  require(node, policy == "stretch" || policy == "not_larger" || policy == "not_smaller",
          "attribute 'keep_aspect_ratio_policy' is '{}', expected stretch, not_larger or not_smaller",
          policy);
  double common = policy == "not_larger" ? INFINITY : 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    ResizeAxis& a = all[static_cast<size_t>(axes[i])];
    require(node, sizes[i] >= 0 && (a.in > 0 || sizes[i] == 0), "axis {} of length {} cannot get length {}",
            axes[i], a.in, sizes[i]);
    a.out = sizes[i];
    a.scale = a.in > 0 ? static_cast<double>(a.out) / static_cast<double>(a.in) : 1;
    common = policy == "not_larger" ? std::min(common, a.scale) : std::max(common, a.scale);
  }
  if (policy == "stretch") return;
  for (int axis : axes) {
    ResizeAxis& a = all[static_cast<size_t>(axis)];
    a.scale = common;
    a.out = static_cast<int64_t>(std::floor(common * static_cast<double>(a.in) + 0.5));
  }
}

bool changes(const ResizeAxis& a) {
  const bool cropped = a.coordinates == Coordinates::kTfCropAndResize && (a.roi_begin != 0 || a.roi_end != 1);
  return a.in != a.out || a.scale != 1 || cropped;
}

Tensor extrapolation(const Node& node, DType dtype) {
  return Tensor::from<float>({1}, {node.get_float("extrapolation_value", 0)}).cast(dtype);
}

Tensors resize(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const auto axes = resize_axes(node, inputs);
  if (node.get_string("mode", "nearest") == "nearest")
    return one(resized_nearest(node, x, axes, extrapolation(node, x.dtype())));
  if (is_float(x.dtype())) return one(resized_smooth(node, x, axes));
  Tensor y = resized_smooth(node, x.cast(DType::kF32), axes);
  for (float& v : y.data<float>()) v = round_half_even(v);
  return one(y.cast(x.dtype()));
}

constexpr ReferenceOp kOps[] = {{"", "Resize", widened<resize>}};

}  // namespace

std::span<const ReferenceOp> resize_ops() { return kOps; }

std::vector<ResizeAxis> resize_axes(const Node& node, Inputs inputs) {
  const Shape& shape = required(node, inputs, 0).shape();
  std::vector<ResizeAxis> all(static_cast<size_t>(shape.rank()), axis_template(node));
  for (int a = 0; a < shape.rank(); ++a)
    all[static_cast<size_t>(a)].in = all[static_cast<size_t>(a)].out = shape[a];
  std::vector<int64_t> every(all.size());
  std::iota(every.begin(), every.end(), int64_t{0});
  std::vector<int> axes;
  for (int64_t a : node.get_ints("axes", every)) axes.push_back(axis_of(node, a, shape.rank()));
  const auto scales = float_list(node, inputs, 2, axes.size(), "the scales");
  const Tensor* sizes = optional(inputs, 3);
  const bool has_sizes = sizes != nullptr && sizes->numel() > 0;
  require(node, scales.empty() != !has_sizes || axes.empty(), "either scales or sizes must be given");
  if (has_sizes)
    set_sizes(node, int_list(node, inputs, 3, "the sizes"), axes, all);
  else if (!axes.empty())
    set_scales(node, scales, axes, all);
  if (!all.empty() && all[0].coordinates == Coordinates::kTfCropAndResize) {
    const auto roi = float_list(node, inputs, 1, 2 * axes.size(), "the region");
    require(node, !roi.empty(), "tf_crop_and_resize needs a region (input 1)");
    for (size_t i = 0; i < axes.size(); ++i) {
      all[static_cast<size_t>(axes[i])].roi_begin = roi[i];
      all[static_cast<size_t>(axes[i])].roi_end = roi[i + axes.size()];
    }
  }
  for (const ResizeAxis& a : all)
    require(node, a.out == 0 || a.in > 0, "an empty axis cannot get length {}", a.out);
  return all;
}

Tensor resized_nearest(const Node& node, const Tensor& x, const std::vector<ResizeAxis>& axes,
                       const Tensor& outside) {
  Shape shape = x.shape();
  for (int a = 0; a < shape.rank(); ++a) shape[a] = axes[static_cast<size_t>(a)].out;
  Tensor y(x.dtype(), shape);
  if (y.numel() == 0) return y;
  const auto strides = x.shape().strides();
  std::vector<std::vector<int64_t>> maps;
  for (size_t a = 0; a < axes.size(); ++a) {
    const ref::ResizeTaps taps = ref::resize_taps(axes[a]);
    std::vector<int64_t>& map = maps.emplace_back();
    for (size_t i = 0; i < taps.index.size(); ++i)
      map.push_back(taps.outside[i] ? -1 : taps.index[i] * strides[a]);
  }
  ref::map_axes(maps, element_size(node, x.dtype()), x.bytes(), outside.bytes(), y.bytes());
  return y;
}

Tensor resized_smooth(const Node& node, const Tensor& x, const std::vector<ResizeAxis>& axes) {
  Tensor y = x;
  for (int a = 0; a < x.shape().rank(); ++a) {
    const ResizeAxis& axis = axes[static_cast<size_t>(a)];
    if (!changes(axis)) continue;
    Shape shape = y.shape();
    shape[a] = axis.out;
    Tensor next(x.dtype(), shape);
    if (next.numel() > 0) {
      const ref::ResizeTaps taps = ref::resize_taps(axis);
      for_float(node, x.dtype(), [&](auto t) {
        using T = decltype(t);
        ref::resize_axis(taps, shape.outer(a), axis.in, axis.out, shape.inner(a + 1),
                         static_cast<T>(node.get_float("extrapolation_value", 0)), ptr<T>(std::as_const(y)),
                         ptr<T>(next));
      });
    }
    y = next;
  }
  return y;
}

}  // namespace precis::runtime
