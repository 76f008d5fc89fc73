// Pools, one output element at a time: the window is cut to the input once, then its taps are visited in
// row-major order.
#include "precis/kernels/reference/pool.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

namespace precis::kernels::reference {
namespace {

// Taps k of one axis whose position start + k * dilation lies in [low, high).
Interval taps_between(int64_t start, int64_t dilation, int64_t kernel, int64_t low, int64_t high) {
  Interval r;
  r.begin = start >= low ? 0 : (low - start + dilation - 1) / dilation;
  r.end = high <= start ? 0 : std::min(kernel, (high - start + dilation - 1) / dilation);
  return r;
}

int64_t start_of(const Window& w, size_t axis, int64_t o) { return o * w.stride[axis] - w.pad_begin[axis]; }

Interval taps_inside(const Window& w, size_t axis, int64_t o) {
  return taps_between(start_of(w, axis, o), w.dilation[axis], w.kernel[axis], 0, w.in[axis]);
}

// Calls f(iz, iy, ix) for the input positions of window (oz, oy, ox).
template <typename F>
void for_each_element(const Window& w, int64_t oz, int64_t oy, int64_t ox, F f) {
  const Interval tz = taps_inside(w, 0, oz), ty = taps_inside(w, 1, oy), tx = taps_inside(w, 2, ox);
  for (int64_t kz = tz.begin; kz < tz.end; ++kz)
    for (int64_t ky = ty.begin; ky < ty.end; ++ky)
      for (int64_t kx = tx.begin; kx < tx.end; ++kx)
        f(start_of(w, 0, oz) + kz * w.dilation[0], start_of(w, 1, oy) + ky * w.dilation[1],
          start_of(w, 2, ox) + kx * w.dilation[2]);
}

// Calls f(plane, output index, oz, oy, ox) for every output of every plane.
template <typename F>
void for_each_output(const Window& w, int64_t planes, F f) {
  int64_t o = 0;
  for (int64_t plane = 0; plane < planes; ++plane)
    for (int64_t oz = 0; oz < w.out[0]; ++oz)
      for (int64_t oy = 0; oy < w.out[1]; ++oy)
        for (int64_t ox = 0; ox < w.out[2]; ++ox) f(plane, o++, oz, oy, ox);
}

template <typename T>
constexpr T lowest() {
  if constexpr (std::is_floating_point_v<T>) return -std::numeric_limits<T>::infinity();
  return std::numeric_limits<T>::lowest();
}

template <typename T>
bool beats(T candidate, T best) {
  if constexpr (std::is_floating_point_v<T>)
    return candidate > best || (std::isnan(candidate) && !std::isnan(best));
  return candidate > best;
}

}  // namespace

template <typename T>
void max_pool(const Window& w, int64_t planes, const T* x, T* y, int64_t* indices, IndexOrder order) {
  for_each_output(w, planes, [&](int64_t plane, int64_t o, int64_t oz, int64_t oy, int64_t ox) {
    const T* in = x + plane * w.in_size();
    T best = lowest<T>();
    int64_t where = -1;
    for_each_element(w, oz, oy, ox, [&](int64_t iz, int64_t iy, int64_t ix) {
      const T v = in[(iz * w.in[1] + iy) * w.in[2] + ix];
      if (where >= 0 && !beats(v, best)) return;
      best = v;
      where = order == IndexOrder::kRowMajor ? (iz * w.in[1] + iy) * w.in[2] + ix
                                             : (ix * w.in[1] + iy) * w.in[0] + iz;
    });
    y[o] = best;
    if (indices) indices[o] = where < 0 ? -1 : plane * w.in_size() + where;
  });
}

template <typename T>
void sum_pool(const Window& w, int64_t planes, const T* x, T* y) {
  for_each_output(w, planes, [&](int64_t plane, int64_t o, int64_t oz, int64_t oy, int64_t ox) {
    const T* in = x + plane * w.in_size();
    T sum = 0;
    for_each_element(w, oz, oy, ox, [&](int64_t iz, int64_t iy, int64_t ix) {
      sum += in[(iz * w.in[1] + iy) * w.in[2] + ix];
    });
    y[o] = sum;
  });
}

void window_counts(const Window& w, CountPadding padding, int64_t* counts) {
  for_each_output(w, 1, [&](int64_t, int64_t o, int64_t oz, int64_t oy, int64_t ox) {
    const Dims3 at{oz, oy, ox};
    counts[o] = 1;
    for (size_t a = 0; a < 3; ++a) {
      const int64_t low = padding == CountPadding::kInclude ? -w.pad_begin[a] : 0;
      const int64_t high = w.in[a] + (padding == CountPadding::kInclude ? w.pad_end[a] : 0);
      const Interval taps = taps_between(start_of(w, a, at[a]), w.dilation[a], w.kernel[a], low, high);
      counts[o] *= std::max<int64_t>(taps.end - taps.begin, 0);
    }
  });
}

template <typename T>
void lp_pool(const Window& w, int64_t planes, int64_t p, const T* x, T* y) {
  const T power = static_cast<T>(p);
  for_each_output(w, planes, [&](int64_t plane, int64_t o, int64_t oz, int64_t oy, int64_t ox) {
    const T* in = x + plane * w.in_size();
    T sum = 0;
    for_each_element(w, oz, oy, ox, [&](int64_t iz, int64_t iy, int64_t ix) {
      sum += std::pow(std::abs(in[(iz * w.in[1] + iy) * w.in[2] + ix]), power);
    });
    y[o] = std::pow(sum, T{1} / power);
  });
}

#define PRECIS_MAX_POOL(T) template void max_pool(const Window&, int64_t, const T*, T*, int64_t*, IndexOrder);
PRECIS_MAX_POOL(float)
PRECIS_MAX_POOL(double)
PRECIS_MAX_POOL(int8_t)
PRECIS_MAX_POOL(uint8_t)
PRECIS_MAX_POOL(int16_t)
PRECIS_MAX_POOL(uint16_t)
#undef PRECIS_MAX_POOL
template void sum_pool(const Window&, int64_t, const float*, float*);
template void sum_pool(const Window&, int64_t, const double*, double*);
template void sum_pool(const Window&, int64_t, const int64_t*, int64_t*);
template void lp_pool(const Window&, int64_t, int64_t, const float*, float*);
template void lp_pool(const Window&, int64_t, int64_t, const double*, double*);

}  // namespace precis::kernels::reference
