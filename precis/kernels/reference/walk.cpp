// Strides and walks of broadcast operands.
#include "precis/kernels/reference/walk.h"

namespace precis::kernels::reference {

std::vector<int64_t> broadcast_strides(const Shape& from, const Shape& to) {
  std::vector<int64_t> strides(static_cast<size_t>(to.rank()), 0);
  const std::vector<int64_t> own = from.strides();
  const int shift = to.rank() - from.rank();
  for (int i = 0; i < from.rank(); ++i)
    if (from[i] != 1) strides[static_cast<size_t>(i + shift)] = own[static_cast<size_t>(i)];
  return strides;
}

Walk<2> broadcast_walk(const Shape& a, const Shape& out) {
  return make_walk<2>(out.dims(), {broadcast_strides(a, out), out.strides()});
}

Walk<3> broadcast_walk(const Shape& a, const Shape& b, const Shape& out) {
  return make_walk<3>(out.dims(), {broadcast_strides(a, out), broadcast_strides(b, out), out.strides()});
}

Walk<4> broadcast_walk(const Shape& a, const Shape& b, const Shape& c, const Shape& out) {
  return make_walk<4>(out.dims(), {broadcast_strides(a, out), broadcast_strides(b, out),
                                   broadcast_strides(c, out), out.strides()});
}

}  // namespace precis::kernels::reference
