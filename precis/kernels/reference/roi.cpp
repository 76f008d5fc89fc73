// Regions bin by bin; the points of a bin are the same for all channels.
#include "precis/kernels/reference/roi.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace precis::kernels::reference {
namespace {

// The four pixels around a point, with their weights.
template <typename T>
struct Corners {
  std::array<int64_t, 4> at{};
  std::array<T, 4> weight{};
};

template <typename T>
bool is_inside(const RoiParams& p, T y, T x) {
  return y >= -1 && y <= static_cast<T>(p.height) && x >= -1 && x <= static_cast<T>(p.width);
}

template <typename T>
Corners<T> corners_of(const RoiParams& p, T y, T x) {
  Corners<T> c;
  y = std::min(std::max(y, T{0}), static_cast<T>(p.height - 1));
  x = std::min(std::max(x, T{0}), static_cast<T>(p.width - 1));
  const auto y0 = static_cast<int64_t>(y), x0 = static_cast<int64_t>(x);
  const int64_t y1 = std::min(y0 + 1, p.height - 1), x1 = std::min(x0 + 1, p.width - 1);
  const T dy = y - static_cast<T>(y0), dx = x - static_cast<T>(x0);
  c.at = {y0 * p.width + x0, y0 * p.width + x1, y1 * p.width + x0, y1 * p.width + x1};
  c.weight = {(1 - dy) * (1 - dx), (1 - dy) * dx, dy * (1 - dx), dy * dx};
  return c;
}

// Points along one direction of a bin: first, step, how many.
template <typename T>
struct Points {
  T start, bin;
  int64_t count;
  T at(int64_t b, int64_t i) const {
    return start + static_cast<T>(b) * bin + (static_cast<T>(i) + T{0.5}) * bin / static_cast<T>(count);
  }
};

template <typename T>
Points<T> points_along(const RoiParams& p, T from, T to, int64_t bins) {
  const T offset = p.half_pixel ? T{0.5} : T{0}, scale = static_cast<T>(p.scale);
  const T start = from * scale - offset;
  T length = to * scale - offset - start;
  if (!p.half_pixel) length = std::max(length, T{1});
  const T bin = length / static_cast<T>(bins);
  const int64_t count = p.sampling_ratio > 0 ? p.sampling_ratio
                        : bin > 0            ? static_cast<int64_t>(std::ceil(bin))
                                             : 0;
  return {start, bin, count};
}

// One point, for all channels at once: its share of their bins. Outside the image there is 0.
template <typename T>
void add_point(const RoiParams& p, const T* x, T at_y, T at_x, bool first, std::vector<T>& bins) {
  const bool inside = is_inside(p, at_y, at_x);
  if (!inside && !p.max) return;
  const Corners<T> c = inside ? corners_of(p, at_y, at_x) : Corners<T>{};
  for (size_t channel = 0; channel < bins.size(); ++channel, x += p.height * p.width) {
    std::array<T, 4> v{};
    for (size_t k = 0; inside && k < 4; ++k) v[k] = c.weight[k] * x[c.at[k]];
    if (!p.max) {
      bins[channel] += v[0] + v[1] + v[2] + v[3];
      continue;
    }
    const T largest = *std::max_element(v.begin(), v.end());
    bins[channel] = first ? largest : std::max(bins[channel], largest);
  }
}

}  // namespace

template <typename T>
double roi_align_steps(const RoiParams& p, const T* region) {
  const Points<T> rows = points_along(p, region[1], region[3], p.out_height),
                  columns = points_along(p, region[0], region[2], p.out_width);
  return 4.0 * static_cast<double>(p.channels * p.out_height * p.out_width) *
         static_cast<double>(rows.count) * static_cast<double>(columns.count);
}

template <typename T>
void roi_align(const RoiParams& p, const T* x, const T* region, T* y) {
  const Points<T> rows = points_along(p, region[1], region[3], p.out_height),
                  columns = points_along(p, region[0], region[2], p.out_width);
  const T count = p.max ? T{1} : static_cast<T>(std::max<int64_t>(rows.count * columns.count, 1));
  std::vector<T> bins(static_cast<size_t>(p.channels));
  for (int64_t by = 0; by < p.out_height; ++by)
    for (int64_t bx = 0; bx < p.out_width; ++bx) {
      std::fill(bins.begin(), bins.end(), T{0});
      for (int64_t iy = 0; iy < rows.count; ++iy)
        for (int64_t ix = 0; ix < columns.count; ++ix)
          add_point(p, x, rows.at(by, iy), columns.at(bx, ix), iy == 0 && ix == 0, bins);
      for (int64_t c = 0; c < p.channels; ++c)
        y[(c * p.out_height + by) * p.out_width + bx] = bins[static_cast<size_t>(c)] / count;
    }
}

namespace {

// Pixels [begin, end) of bin b of a region that starts at pixel `start`.
struct Range {
  int64_t begin, end;
};
template <typename T>
Range bin_range(T from, T to, double scale, int64_t bins, int64_t b, int64_t length) {
  // Far outside is as good as outside.
  const auto pixel = [&](T v) { return std::round(std::clamp(static_cast<double>(v) * scale, -1e9, 1e9)); };
  const double start = pixel(from), size = std::max(pixel(to) - start + 1, 1.0) / static_cast<double>(bins);
  const auto clipped = [&](double v) {
    return static_cast<int64_t>(std::clamp(v + start, 0.0, static_cast<double>(length)));
  };
  return {clipped(std::floor(static_cast<double>(b) * size)),
          clipped(std::ceil(static_cast<double>(b + 1) * size))};
}

}  // namespace

// Bins are rectangles: their areas sum up to a product.
template <typename T>
double max_roi_pool_steps(const RoiParams& p, const T* region) {
  double rows = 0, columns = 0;
  for (int64_t b = 0; b < p.out_height; ++b) {
    const Range r = bin_range(region[1], region[3], p.scale, p.out_height, b, p.height);
    rows += static_cast<double>(std::max<int64_t>(r.end - r.begin, 0));
  }
  for (int64_t b = 0; b < p.out_width; ++b) {
    const Range r = bin_range(region[0], region[2], p.scale, p.out_width, b, p.width);
    columns += static_cast<double>(std::max<int64_t>(r.end - r.begin, 0));
  }
  return rows * columns * static_cast<double>(p.channels);
}

template <typename T>
void max_roi_pool(const RoiParams& p, const T* x, const T* region, T* y) {
  for (int64_t c = 0; c < p.channels; ++c, x += p.height * p.width)
    for (int64_t by = 0; by < p.out_height; ++by) {
      const Range rows = bin_range(region[1], region[3], p.scale, p.out_height, by, p.height);
      for (int64_t bx = 0; bx < p.out_width; ++bx) {
        const Range columns = bin_range(region[0], region[2], p.scale, p.out_width, bx, p.width);
        T most = 0;
        bool first = true;
        for (int64_t iy = rows.begin; iy < rows.end; ++iy)
          for (int64_t ix = columns.begin; ix < columns.end; ++ix, first = false)
            most = first ? x[iy * p.width + ix] : std::max(most, x[iy * p.width + ix]);
        *y++ = most;
      }
    }
}

#define PRECIS_FLOATS(T)                                             \
  template double roi_align_steps(const RoiParams&, const T*);       \
  template double max_roi_pool_steps(const RoiParams&, const T*);    \
  template void roi_align(const RoiParams&, const T*, const T*, T*); \
  template void max_roi_pool(const RoiParams&, const T*, const T*, T*);
PRECIS_FLOATS(float)
PRECIS_FLOATS(double)
#undef PRECIS_FLOATS

}  // namespace precis::kernels::reference
