// Pooling of regions of interest; for f32 and f64.
#pragma once

#include <cstdint>

namespace precis::kernels::reference {

// One region of one image x [channels, height, width] into y [channels, out_height, out_width].
struct RoiParams {
  int64_t channels = 1, height = 1, width = 1, out_height = 1, out_width = 1;
  double scale = 1;            // of the region's coordinates to those of x
  int64_t sampling_ratio = 0;  // points per bin and direction; 0: as many as the bin has pixels, rounded up
  bool half_pixel = true;      // coordinates count from the middle of a pixel
  bool max = false;  // the largest weighted neighbour of any point instead of the mean of the points
};

// How often the kernels below look at x for one region and all channels. As a double: it may be anything.
template <typename T>
double roi_align_steps(const RoiParams& p, const T* region);
template <typename T>
double max_roi_pool_steps(const RoiParams& p, const T* region);

// region: x1, y1, x2, y2, finite. Points between pixels are interpolated linearly; points outside count as 0.
template <typename T>
void roi_align(const RoiParams& p, const T* x, const T* region, T* y);

// The largest pixel of each bin of the region, whose corners are rounded to pixels; empty bins give 0.
template <typename T>
void max_roi_pool(const RoiParams& p, const T* x, const T* region, T* y);

}  // namespace precis::kernels::reference
