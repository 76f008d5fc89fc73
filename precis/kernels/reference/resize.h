// Resize along one axis at a time: each output index is a weighted sum of input indices (separable
// interpolation). The formulas are those of the ONNX Resize operator; coordinates and weights are computed in
// double.
#pragma once

#include <cstdint>
#include <vector>

namespace precis::kernels::reference {

enum class ResizeMode : uint8_t { kNearest, kLinear, kCubic };
enum class NearestMode : uint8_t { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };
enum class Coordinates : uint8_t {
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kTfCropAndResize,
  kTfHalfPixelForNn,  // (o + 0.5) / scale: opsets 11 and 12 only
};

struct ResizeAxis {
  ResizeMode mode = ResizeMode::kNearest;
  NearestMode nearest = NearestMode::kRoundPreferFloor;
  Coordinates coordinates = Coordinates::kHalfPixel;
  double cubic_a = -0.75;
  bool antialias = false;        // widen the kernel when shrinking (linear, cubic)
  bool exclude_outside = false;  // weights outside the input become 0, the rest is renormalized
  int64_t in = 1, out = 1;
  double scale = 1;                   // out / in as the operator was told, before rounding
  double roi_begin = 0, roi_end = 1;  // kTfCropAndResize, in units of the input length
};

// The taps of every output index: `taps` input indices (clamped into the input) and weights per index;
// outside[o]: the coordinate lies outside the input and the output is the extrapolation value
// (kTfCropAndResize).
struct ResizeTaps {
  int64_t taps = 1;
  std::vector<int64_t> index;    // [out, taps]
  std::vector<float> weight;     // [out, taps]
  std::vector<uint8_t> outside;  // [out]
};
ResizeTaps resize_taps(const ResizeAxis& axis);

// y[o, j, i] = sum over t ascending of weight[j, t] * x[o, index[j, t], i], or `extrapolation` where
// outside[j]. x [outer, in, inner], y [outer, out, inner]; for f32 and f64.
template <typename T>
void resize_axis(const ResizeTaps& taps, int64_t outer, int64_t in, int64_t out, int64_t inner,
                 T extrapolation, const T* x, T* y);

}  // namespace precis::kernels::reference
