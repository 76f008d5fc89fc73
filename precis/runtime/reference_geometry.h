// From a node's attributes (kernel_shape, strides, dilations, pads, auto_pad, ceil_mode, output_shape ...)
// and the shapes of its inputs to the Window and ConvParams that kernels take. One to three spatial
// dimensions. Everything is checked: Error(kMalformed) naming the node. Internal to precis/runtime.
#pragma once

#include <span>
#include <vector>

#include "precis/kernels/reference/conv.h"
#include "precis/kernels/reference/window.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {

enum class OutputRounding : uint8_t { kFloor, kCeil };

// x: [N, C, spatial...]; kernel: one length per spatial dimension.
kernels::reference::Window window_of(const Node& node, const Shape& x, std::span<const int64_t> kernel,
                                     OutputRounding rounding);
// Of a pool: kernel and rounding are its attributes. Error(kLimit) when all windows together have too many
// elements (require_steps).
kernels::reference::Window pool_window(const Node& node, const Shape& x);
// A window over the whole of each plane (the global pools).
kernels::reference::Window whole_plane(const Node& node, const Shape& x);
// [n, channels, the window's output (or input) lengths...] with as many spatial dimensions as x has.
Shape output_shape(const Shape& x, int64_t channels, const kernels::reference::Dims3& spatial);

kernels::reference::ConvParams conv_params(const Node& node, const Shape& x, const Shape& w);
kernels::reference::ConvParams conv_transpose_params(const Node& node, const Shape& x, const Shape& w);

}  // namespace precis::runtime
