// Geometry of convolutions and pools, as the ONNX operators define it.
#include "precis/runtime/reference_geometry.h"

#include <algorithm>

namespace precis::runtime {
namespace {

using kernels::reference::ConvParams;
using kernels::reference::Dims3;
using kernels::reference::Window;

constexpr int64_t kMaxLength =
    int64_t{1} << 31;  // of kernels, strides, dilations and pads: keeps all index arithmetic exact

int spatial_rank(const Node& node, const Shape& x) {
  require(node, x.rank() >= 3, "input of shape {} has no spatial dimension, expected rank 3 to 5", x.str());
  if (x.rank() > 5)
    fail_node(node, ErrorCode::kUnsupported, "{} spatial dimensions; up to 3 are supported", x.rank() - 2);
  return x.rank() - 2;
}

// `values` right-aligned into three dimensions.
Dims3 aligned(std::span<const int64_t> values, int64_t filler) {
  Dims3 r{filler, filler, filler};
  std::copy(values.begin(), values.end(), r.end() - static_cast<std::ptrdiff_t>(values.size()));
  return r;
}

Dims3 lengths_attribute(const Node& node, const char* name, int rank, int64_t fallback, int64_t low) {
  const auto values = node.get_ints(name, std::vector<int64_t>(static_cast<size_t>(rank), fallback));
  require(node, static_cast<int>(values.size()) == rank,
          "attribute '{}' has {} entries for {} spatial dimensions", name, values.size(), rank);
  for (int64_t v : values) require(node, v >= low && v < kMaxLength, "attribute '{}' contains {}", name, v);
  return aligned(values, fallback);
}

std::span<const int64_t> spatial(const Shape& s) { return std::span(s.dims()).subspan(2); }

void read_pads(const Node& node, int rank, Window& w) {
  const auto pads = node.get_ints("pads", std::vector<int64_t>(static_cast<size_t>(rank) * 2, 0));
  require(node, static_cast<int>(pads.size()) == 2 * rank,
          "attribute 'pads' has {} entries for {} spatial dimensions", pads.size(), rank);
  for (int64_t p : pads) require(node, p > -kMaxLength && p < kMaxLength, "attribute 'pads' contains {}", p);
  w.pad_begin = aligned(std::span(pads).first(static_cast<size_t>(rank)), 0);
  w.pad_end = aligned(std::span(pads).subspan(static_cast<size_t>(rank)), 0);
}

enum class AutoPad : uint8_t { kNotSet, kSameUpper, kSameLower, kValid };

AutoPad auto_pad_of(const Node& node) {
  const std::string s = node.get_string("auto_pad", "NOTSET");
  if (s == "NOTSET" || s.empty()) return AutoPad::kNotSet;
  if (s == "SAME_UPPER") return AutoPad::kSameUpper;
  if (s == "SAME_LOWER") return AutoPad::kSameLower;
  if (s == "VALID") return AutoPad::kValid;
  fail_node(node, ErrorCode::kMalformed,
            "attribute 'auto_pad' is '{}', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID", s);
}

int64_t extent(const Window& w, size_t a) { return (w.kernel[a] - 1) * w.dilation[a] + 1; }

void split_padding(int64_t total, bool more_at_end, int64_t& begin, int64_t& end) {
  begin = more_at_end ? total / 2 : total - total / 2;
  end = total - begin;
}

void set_outputs(const Node& node, AutoPad auto_pad, OutputRounding rounding, Window& w) {
  for (size_t a = 0; a < 3; ++a) {
    if (auto_pad == AutoPad::kSameUpper || auto_pad == AutoPad::kSameLower) {
      w.out[a] = ceil_div(w.in[a], w.stride[a]);
      const int64_t total = std::max<int64_t>(0, (w.out[a] - 1) * w.stride[a] + extent(w, a) - w.in[a]);
      split_padding(total, auto_pad == AutoPad::kSameUpper, w.pad_begin[a], w.pad_end[a]);
      continue;
    }
    const int64_t room = w.in[a] + w.pad_begin[a] + w.pad_end[a] - extent(w, a);
    require(node, room >= 0, "a kernel that spans {} does not fit a padded input of length {}", extent(w, a),
            room + extent(w, a));
    w.out[a] = room / w.stride[a] + 1;
    const bool more =
        rounding == OutputRounding::kCeil && auto_pad == AutoPad::kNotSet && room % w.stride[a] != 0;
    // An extra window must start inside the input or its begin padding.
    if (more && w.out[a] * w.stride[a] < w.in[a] + w.pad_begin[a]) ++w.out[a];
  }
}

void check_conv_shapes(const Node& node, const Shape& x, const Shape& w, int64_t groups,
                       int64_t channels_per_group) {
  require(node, w.rank() == x.rank(), "weights of shape {} do not fit an input of shape {}", w.str(),
          x.str());
  require(node, groups >= 1 && x[1] == checked_mul(channels_per_group, groups) && w[0] % groups == 0,
          "weights of shape {} and group={} do not fit an input of shape {}", w.str(), groups, x.str());
  const auto kernel =
      node.get_ints("kernel_shape", std::vector<int64_t>(spatial(w).begin(), spatial(w).end()));
  require(node, std::equal(kernel.begin(), kernel.end(), spatial(w).begin(), spatial(w).end()),
          "attribute 'kernel_shape' differs from the weights' shape {}", w.str());
}

}  // namespace

Window window_of(const Node& node, const Shape& x, std::span<const int64_t> kernel, OutputRounding rounding) {
  const int rank = spatial_rank(node, x);
  require(node, static_cast<int>(kernel.size()) == rank,
          "a kernel with {} lengths does not fit an input of shape {}", kernel.size(), x.str());
  for (int64_t k : kernel) require(node, k >= 1 && k < kMaxLength, "the kernel contains length {}", k);
  Window w;
  w.in = aligned(spatial(x), 1);
  w.kernel = aligned(kernel, 1);
  w.stride = lengths_attribute(node, "strides", rank, 1, 1);
  w.dilation = lengths_attribute(node, "dilations", rank, 1, 1);
  const AutoPad auto_pad = auto_pad_of(node);
  if (auto_pad == AutoPad::kNotSet) read_pads(node, rank, w);
  set_outputs(node, auto_pad, rounding, w);
  return w;
}

Window pool_window(const Node& node, const Shape& x) {
  const auto rounding = node.get_int("ceil_mode", 0) != 0 ? OutputRounding::kCeil : OutputRounding::kFloor;
  const Window w = window_of(node, x, node.get_ints("kernel_shape"), rounding);
  double steps = static_cast<double>(x[0]) * static_cast<double>(x[1]);
  for (size_t a = 0; a < w.in.size(); ++a)
    steps *= static_cast<double>(w.out[a]) * static_cast<double>(std::min(w.kernel[a], w.in[a]));
  require_steps(node, steps);
  return w;
}

Window whole_plane(const Node& node, const Shape& x) {
  require(node, x.rank() >= 3, "input of shape {} has no spatial dimension", x.str());
  Window w;
  w.in = w.kernel = {1, 1, checked_product(spatial(x))};
  require(node, w.in[2] > 0, "input of shape {} is empty", x.str());
  return w;
}

Shape output_shape(const Shape& x, int64_t channels, const Dims3& lengths) {
  std::vector<int64_t> dims{x[0], channels};
  dims.insert(dims.end(), lengths.end() - (x.rank() - 2), lengths.end());
  return Shape(std::move(dims));
}

ConvParams conv_params(const Node& node, const Shape& x, const Shape& w) {
  spatial_rank(node, x);
  const int64_t groups = node.get_int("group", 1);
  require(node, w.rank() >= 3, "weights of shape {} do not fit an input of shape {}", w.str(), x.str());
  check_conv_shapes(node, x, w, groups, w[1]);
  ConvParams p;
  p.window = window_of(node, x, spatial(w), OutputRounding::kFloor);
  p.batch = x[0];
  p.groups = groups;
  p.in_channels = x[1];
  p.out_channels = w[0];
  return p;
}

ConvParams conv_transpose_params(const Node& node, const Shape& x, const Shape& w) {
  const int rank = spatial_rank(node, x);
  const int64_t groups = node.get_int("group", 1);
  require(node, groups >= 1 && w.rank() >= 3, "weights of shape {} do not fit an input of shape {}", w.str(),
          x.str());
  check_conv_shapes(node, x, w, groups, w[0] / groups);
  ConvParams p;
  p.batch = x[0];
  p.groups = groups;
  p.in_channels = x[1];
  p.out_channels = checked_mul(w[1], groups);
  Window& win = p.window;
  win.out = aligned(spatial(x), 1);
  win.kernel = aligned(spatial(w), 1);
  for (int64_t k : spatial(w)) require(node, k >= 1 && k < kMaxLength, "the kernel contains length {}", k);
  win.stride = lengths_attribute(node, "strides", rank, 1, 1);
  win.dilation = lengths_attribute(node, "dilations", rank, 1, 1);
  const Dims3 extra = lengths_attribute(node, "output_padding", rank, 0, 0);
  const AutoPad auto_pad = auto_pad_of(node);
  if (auto_pad == AutoPad::kNotSet) read_pads(node, rank, win);
  const bool given = node.has("output_shape");
  const bool same = auto_pad == AutoPad::kSameUpper || auto_pad == AutoPad::kSameLower;
  if (given) win.in = lengths_attribute(node, "output_shape", rank, 1, 1);
  for (size_t a = 0; a < 3; ++a) {
    const int64_t full = checked_add(checked_mul(win.stride[a], win.out[a] - 1), extra[a] + extent(win, a));
    if (same && !given) win.in[a] = checked_mul(win.out[a], win.stride[a]);
    if (same || given)
      split_padding(std::max<int64_t>(0, full - win.in[a]), auto_pad == AutoPad::kSameUpper, win.pad_begin[a],
                    win.pad_end[a]);
    else
      win.in[a] = full - win.pad_begin[a] - win.pad_end[a];
    require(node, win.in[a] >= 0, "the padding is larger than the output it crops");
  }
  return p;
}

}  // namespace precis::runtime
