// A Window (reference_geometry.h) as the vectors per spatial dimension that oneDNN's descriptions take.
#pragma once

#include <vector>

#include "precis/kernels/reference/window.h"

namespace precis::runtime {

struct Geometry {
  std::vector<int64_t> kernel, strides, dilations;
  std::vector<int64_t> pads;  // all begins, then all ends
  bool dilated() const;
};

// `spatial`: how many of the window's three dimensions there are (the last ones).
Geometry geometry_of(const kernels::reference::Window& window, int spatial);

}  // namespace precis::runtime
