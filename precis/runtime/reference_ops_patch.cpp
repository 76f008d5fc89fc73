// Patches of images: Col2Im, CenterCropPad, DeformConv.
#include <algorithm>

#include "precis/kernels/reference/move.h"
#include "precis/kernels/reference/patches.h"
#include "precis/runtime/reference_geometry.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

Tensors col2im(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const auto image = int_list(node, inputs, 1, "the image lengths"),
             block = int_list(node, inputs, 2, "the block lengths");
  require(node, x.shape().rank() == 3 && image.size() == block.size(),
          "columns of shape {} do not fit {} image and {} block lengths", x.shape().str(), image.size(),
          block.size());
  int64_t elements = 1;
  for (size_t i = 0; i < block.size(); ++i) {
    require(node, block[i] >= 1 && image[i] >= 1, "a block of {} in an image of {}", block[i], image[i]);
    elements = checked_mul(elements, block[i]);
  }
  require(node, x.shape()[1] % elements == 0, "columns of {} elements hold no blocks of {}", x.shape()[1],
          elements);
  std::vector<int64_t> dims = {x.shape()[0], x.shape()[1] / elements};
  dims.insert(dims.end(), image.begin(), image.end());
  Tensor y(x.dtype(), Shape(std::move(dims)));
  const ref::Window w = window_of(node, y.shape(), block, OutputRounding::kFloor);
  require(node, w.out_size() == x.shape()[2], "{} columns, the image has {} blocks", x.shape()[2],
          w.out_size());
  for_number(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    ref::col2im(w, y.shape().outer(2), ptr<T>(x), ptr<T>(y));
  });
  return one(std::move(y));
}

// The odd element goes to the end.
Tensors center_crop_pad(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const auto lengths = int_list(node, inputs, 1, "the lengths");
  auto axes = node.get_ints("axes");
  if (!node.has("axes"))
    for (int a = 0; a < x.shape().rank(); ++a) axes.push_back(a);
  require(node, lengths.size() == axes.size(), "{} lengths for {} axes", lengths.size(), axes.size());
  axes_of(node, axes, x.shape().rank());  // each axis once
  Shape shape = x.shape(), both = x.shape();
  for (size_t i = 0; i < axes.size(); ++i) {
    const int a = axis_of(node, axes[i], x.shape().rank());
    require(node, lengths[i] >= 0, "a length of {}", lengths[i]);
    shape[a] = lengths[i];
    both[a] = std::min(both[a], lengths[i]);
  }
  Tensor y(x.dtype(), shape);
  const auto from = x.shape().strides(), to = shape.strides();
  int64_t from_offset = 0, to_offset = 0;
  for (int a = 0; a < both.rank(); ++a) {
    from_offset += (x.shape()[a] - both[a]) / 2 * from[static_cast<size_t>(a)];
    to_offset += (shape[a] - both[a]) / 2 * to[static_cast<size_t>(a)];
  }
  const auto size = static_cast<int64_t>(element_size(node, x.dtype()));
  if (both.numel() > 0)
    ref::copy_strided(ref::make_walk<2>(both.dims(), {from, to}), static_cast<size_t>(size),
                      x.bytes() + from_offset * size, y.bytes() + to_offset * size);
  return one(std::move(y));
}

Tensors deform_conv(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const Tensor& w = required(node, inputs, 1, x.dtype());
  require(node, x.shape().rank() == 4 && w.shape().rank() == 4,
          "input of shape {} and weights of shape {}, expected rank 4", x.shape().str(), w.shape().str());
  const ref::ConvParams conv = conv_params(node, x.shape(), w.shape());
  ref::DeformParams p;
  p.groups = conv.groups;
  p.in_channels = conv.in_channels;
  p.out_channels = conv.out_channels;
  p.window = conv.window;
  p.offset_groups = node.get_int("offset_group", 1);
  require(node, p.offset_groups >= 1 && p.in_channels % p.offset_groups == 0,
          "{} offset groups do not divide {} channels", p.offset_groups, p.in_channels);
  Tensor y(x.dtype(), {x.shape()[0], p.out_channels, p.window.out[1], p.window.out[2]});
  const int64_t places = p.window.out_size(), taps = checked_mul(p.offset_groups, p.window.kernel_size());
  const int64_t masks = checked_mul(checked_mul(x.shape()[0], taps), places);
  const Tensor& offset = required(node, inputs, 2, x.dtype(), checked_mul(2, masks));
  const Tensor* bias = optional(inputs, 3) ? &required(node, inputs, 3, x.dtype(), p.out_channels) : nullptr;
  const Tensor* mask = optional(inputs, 4) ? &required(node, inputs, 4, x.dtype(), masks) : nullptr;
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (int64_t n = 0; n < x.shape()[0]; ++n)
      ref::deform_conv(p, ptr<T>(x) + n * x.shape().inner(1), ptr<T>(w),
                       ptr<T>(offset) + n * 2 * taps * places, bias ? ptr<T>(*bias) : nullptr,
                       mask ? ptr<T>(*mask) + n * taps * places : nullptr,
                       ptr<T>(y) + n * y.shape().inner(1));
  });
  return one(std::move(y));
}

constexpr ReferenceOp kOps[] = {
    {"", "CenterCropPad", unpacked<center_crop_pad>},
    {"", "Col2Im", widened<col2im>},
    {"", "DeformConv", widened<deform_conv>},
};

}  // namespace

std::span<const ReferenceOp> patch_ops() { return kOps; }

}  // namespace precis::runtime
