// Images of one to three dimensions read between their pixels; and grids of places to read. f32 and f64.
#pragma once

#include <cstdint>
#include <vector>

namespace precis::kernels::reference {

enum class SampleMode : uint8_t { kNearest, kLinear, kCubic };
// What lies beyond the border: zeros, the border's pixels, or the mirrored image.
enum class SamplePadding : uint8_t { kZeros, kBorder, kReflection };

struct GridParams {
  std::vector<int64_t> dims;  // of the image, each at least 1
  int64_t channels = 1, points = 1;
  SampleMode mode = SampleMode::kLinear;
  SamplePadding padding = SamplePadding::kZeros;
  bool align_corners = false;  // -1 and 1 are the middles of the outermost pixels, else their outer edges
};

// x [channels, dims], grid [points, coordinates] in -1 .. 1, the last dimension's first; y [channels,
// points].
template <typename T>
void grid_sample(const GridParams& p, const T* x, const T* grid, T* y);

// grid [dims, coordinates]: the normalized place of each element of an image, mapped by theta [r, r + 1].
template <typename T>
void affine_grid(const std::vector<int64_t>& dims, bool align_corners, const T* theta, T* grid);

}  // namespace precis::kernels::reference
