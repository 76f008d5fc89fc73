// The weights of one resized axis, and their application.
#include "precis/kernels/reference/resize.h"

#include <algorithm>
#include <cmath>

namespace precis::kernels::reference {
namespace {

// The input coordinate of output index o.
double source_coordinate(const ResizeAxis& a, double o) {
  const double in = static_cast<double>(a.in), width = a.scale * in;
  switch (a.coordinates) {
    case Coordinates::kAlignCorners:
      return width == 1 ? 0 : o * (in - 1) / (width - 1);
    case Coordinates::kAsymmetric:
      return o / a.scale;
    case Coordinates::kTfCropAndResize: {
      const double span = (a.roi_end - a.roi_begin) * (in - 1);
      return a.roi_begin * (in - 1) + (width == 1 ? span / 2 : o * span / (width - 1));
    }
    case Coordinates::kPytorchHalfPixel:
      return width == 1 ? -0.5 : (o + 0.5) / a.scale - 0.5;
    case Coordinates::kTfHalfPixelForNn:
      return (o + 0.5) / a.scale;
    case Coordinates::kHalfPixel:
      return (o + 0.5) / a.scale - 0.5;
    case Coordinates::kHalfPixelSymmetric: {
      const double adjustment = static_cast<double>(a.out) / width;
      return in / 2 * (1 - adjustment) + (o + 0.5) / a.scale - 0.5;
    }
  }
  return 0;
}

double cubic(double a, double x) {
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

double kernel_value(const ResizeAxis& a, double x) {
  return a.mode == ResizeMode::kCubic ? cubic(a.cubic_a, x) : std::max(0.0, 1 - std::abs(x));
}

int64_t nearest_index(NearestMode mode, double x) {
  switch (mode) {
    case NearestMode::kRoundPreferFloor:
      return static_cast<int64_t>(std::ceil(x - 0.5));
    case NearestMode::kRoundPreferCeil:
      return static_cast<int64_t>(std::floor(x + 0.5));
    case NearestMode::kFloor:
      return static_cast<int64_t>(std::floor(x));
    case NearestMode::kCeil:
      return static_cast<int64_t>(std::ceil(x));
  }
  return 0;
}

void nearest_taps(const ResizeAxis& a, ResizeTaps& t) {
  t.taps = 1;
  for (int64_t o = 0; o < a.out; ++o) {
    const double x =
        std::clamp(source_coordinate(a, static_cast<double>(o)), -1.0, static_cast<double>(a.in));
    t.index.push_back(std::clamp<int64_t>(nearest_index(a.nearest, x), 0, a.in - 1));
    t.weight.push_back(1.0f);
  }
}

// Linear and cubic: the kernel, widened by 1 / scale when antialiasing, is centred on the coordinate. Its
// first tap relative to floor(x) is the kernel's leftmost integer; an integer x counts as floor(x) - 1 with
// ratio 1 (as ONNX does), which only shifts a zero weight.
void kernel_taps(const ResizeAxis& a, ResizeTaps& t) {
  const double shrink = a.antialias ? std::min(a.scale, 1.0) : 1.0;
  const double radius = a.mode == ResizeMode::kCubic ? 2 : 1;
  const int64_t first = static_cast<int64_t>(std::floor(-radius / shrink)) + 1;
  t.taps = 2 - 2 * first;
  std::vector<double> weights(static_cast<size_t>(t.taps));
  for (int64_t o = 0; o < a.out; ++o) {
    const double x = source_coordinate(a, static_cast<double>(o));
    const double base = std::ceil(x) - 1;  // the ratio x - base lies in (0, 1]
    double sum = 0;
    for (int64_t k = 0; k < t.taps; ++k) {
      const double at = base + static_cast<double>(first + k);
      double w = kernel_value(a, (at - x) * shrink);
      if (a.exclude_outside && (at < 0 || at >= static_cast<double>(a.in))) w = 0;
      weights[static_cast<size_t>(k)] = w;
      sum += w;
      t.index.push_back(static_cast<int64_t>(std::clamp(at, 0.0, static_cast<double>(a.in - 1))));
    }
    const bool normalize = (a.antialias || a.exclude_outside) && sum != 0;
    for (double w : weights) t.weight.push_back(static_cast<float>(normalize ? w / sum : w));
  }
}

}  // namespace

ResizeTaps resize_taps(const ResizeAxis& a) {
  ResizeTaps t;
  if (a.mode == ResizeMode::kNearest)
    nearest_taps(a, t);
  else
    kernel_taps(a, t);
  for (int64_t o = 0; o < a.out; ++o) {
    const double x = source_coordinate(a, static_cast<double>(o));
    t.outside.push_back(a.coordinates == Coordinates::kTfCropAndResize &&
                        (x < 0 || x > static_cast<double>(a.in - 1)));
  }
  return t;
}

template <typename T>
void resize_axis(const ResizeTaps& t, int64_t outer, int64_t in, int64_t out, int64_t inner, T extrapolation,
                 const T* x, T* y) {
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t j = 0; j < out; ++j) {
      T* row = y + (o * out + j) * inner;
      std::fill_n(row, inner, t.outside[static_cast<size_t>(j)] ? extrapolation : T{0});
      if (t.outside[static_cast<size_t>(j)]) continue;
      for (int64_t k = 0; k < t.taps; ++k) {
        const T w = static_cast<T>(t.weight[static_cast<size_t>(j * t.taps + k)]);
        const T* source = x + (o * in + t.index[static_cast<size_t>(j * t.taps + k)]) * inner;
        for (int64_t i = 0; i < inner; ++i) row[i] += w * source[i];
      }
    }
}

template void resize_axis(const ResizeTaps&, int64_t, int64_t, int64_t, int64_t, float, const float*, float*);
template void resize_axis(const ResizeTaps&, int64_t, int64_t, int64_t, int64_t, double, const double*,
                          double*);

}  // namespace precis::kernels::reference
