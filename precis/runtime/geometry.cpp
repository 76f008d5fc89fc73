// Window to vectors.
#include "precis/runtime/geometry.h"

#include <algorithm>

namespace precis::runtime {

bool Geometry::dilated() const {
  return std::any_of(dilations.begin(), dilations.end(), [](int64_t d) { return d != 1; });
}

Geometry geometry_of(const kernels::reference::Window& w, int spatial) {
  Geometry g;
  const size_t first = 3 - static_cast<size_t>(spatial);
  const auto tail = [&](const kernels::reference::Dims3& d) {
    return std::vector<int64_t>(d.begin() + static_cast<long>(first), d.end());
  };
  g.kernel = tail(w.kernel);
  g.strides = tail(w.stride);
  g.dilations = tail(w.dilation);
  g.pads = tail(w.pad_begin);
  const std::vector<int64_t> ends = tail(w.pad_end);
  g.pads.insert(g.pads.end(), ends.begin(), ends.end());
  return g;
}

}  // namespace precis::runtime
