// The geometry of a Resize node, shared by the operator on plain tensors and its encoded form. Internal to
// precis/runtime.
#pragma once

#include <vector>

#include "precis/kernels/reference/resize.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {

// One entry per axis of input 0; axes that keep their length and coordinates are left out of the work by
// `resized_linear`.
std::vector<kernels::reference::ResizeAxis> resize_axes(const Node& node, Inputs inputs);
// Selects elements of x (any dtype of 8 bits or more); `outside`: one element for coordinates outside of a
// crop.
Tensor resized_nearest(const Node& node, const Tensor& x,
                       const std::vector<kernels::reference::ResizeAxis>& axes, const Tensor& outside);
// Interpolates f32 or f64, axis by axis in ascending order.
Tensor resized_smooth(const Node& node, const Tensor& x,
                      const std::vector<kernels::reference::ResizeAxis>& axes);

}  // namespace precis::runtime
