// Two passes (rows, then columns) with 8-bit pixels in between.
//
// Output pixel x of a pass over n input pixels, scale = n / out, takes the inputs whose centres lie within
// support * max(scale, 1) of c = (x + 0.5) * scale: from trunc(c - s + 0.5) up to trunc(c + s + 0.5), cut to
// the picture. Weight of input i: filter((i + 0.5 - c) / max(scale, 1)), divided by the sum of the weights,
// then rounded half away from zero to 22 fractional bits. Pixel = clamp((sum(weight * input) + 2^21) >> 22).
#include "precis/data/resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace precis::data {
namespace {

constexpr int kFractionBits = 22;  // 32 - 8 bits of pixel - 2 bits of headroom for negative lobes

double triangle(double x) { return std::max(0.0, 1.0 - std::fabs(x)); }

double keys_cubic(double x) {
  constexpr double a = -0.5;
  x = std::fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

struct Taps {  // of one output pixel
  int64_t first = 0;
  std::vector<int32_t> weights;
};

std::vector<Taps> make_taps(int64_t in, int64_t out, Preprocess::Filter filter, Antialias antialias) {
  const auto curve = filter == Preprocess::Filter::kBicubic ? keys_cubic : triangle;
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double stretch = antialias == Antialias::kYes ? std::max(scale, 1.0) : 1.0;
  const double support = (filter == Preprocess::Filter::kBicubic ? 2.0 : 1.0) * stretch;
  std::vector<Taps> taps(static_cast<size_t>(out));
  std::vector<double> weights;
  for (size_t x = 0; x < taps.size(); ++x) {
    const double center = (static_cast<double>(x) + 0.5) * scale;
    const auto first = std::max<int64_t>(static_cast<int64_t>(center - support + 0.5), 0);
    const auto last = std::min<int64_t>(static_cast<int64_t>(center + support + 0.5), in);
    double sum = 0.0;
    weights.clear();
    for (int64_t i = first; i < last; ++i) {
      weights.push_back(curve((static_cast<double>(i) - center + 0.5) * (1.0 / stretch)));
      sum += weights.back();
    }
    taps[x].first = first;
    for (double w : weights) {
      const double fixed = (sum != 0.0 ? w / sum : w) * (1 << kFractionBits);
      taps[x].weights.push_back(static_cast<int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5));
    }
  }
  return taps;
}

uint8_t to_pixel(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kFractionBits, 0, 255)); }

Image resample_rows(const Image& from, int64_t width, const std::vector<Taps>& taps) {
  Image to{from.height, width, from.channels, {}};
  const auto channels = static_cast<size_t>(from.channels);
  to.pixels.resize(static_cast<size_t>(from.height * width) * channels);
  uint8_t* out = to.pixels.data();
  for (int64_t y = 0; y < from.height; ++y) {
    const uint8_t* row = from.pixels.data() + static_cast<size_t>(y * from.width) * channels;
    for (const Taps& t : taps)
      for (size_t c = 0; c < channels; ++c) {
        int32_t sum = 1 << (kFractionBits - 1);
        const uint8_t* in = row + static_cast<size_t>(t.first) * channels + c;
        for (size_t i = 0; i < t.weights.size(); ++i) sum += t.weights[i] * in[i * channels];
        *out++ = to_pixel(sum);
      }
  }
  return to;
}

Image resample_columns(const Image& from, int64_t height, const std::vector<Taps>& taps) {
  Image to{height, from.width, from.channels, {}};
  const auto stride = static_cast<size_t>(from.width * from.channels);
  to.pixels.resize(static_cast<size_t>(height) * stride);
  std::vector<int32_t> sums(stride);
  uint8_t* out = to.pixels.data();
  for (const Taps& t : taps) {
    std::fill(sums.begin(), sums.end(), 1 << (kFractionBits - 1));
    for (size_t i = 0; i < t.weights.size(); ++i) {
      const uint8_t* in = from.pixels.data() + (static_cast<size_t>(t.first) + i) * stride;
      const int32_t weight = t.weights[i];
      for (size_t x = 0; x < stride; ++x) sums[x] += weight * in[x];
    }
    for (int32_t sum : sums) *out++ = to_pixel(sum);
  }
  return to;
}

// The input pixel under each output pixel's centre. The position is summed up step by step, as Pillow does:
// on exact ties between pixels the rounding of that sum decides.
std::vector<size_t> nearest_inputs(int64_t in, int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  std::vector<size_t> inputs(static_cast<size_t>(out));
  double position = scale * 0.5;
  for (size_t& input : inputs) {
    input = static_cast<size_t>(std::min(static_cast<int64_t>(position), in - 1));
    position += scale;
  }
  return inputs;
}

Image resize_nearest(const Image& from, int64_t height, int64_t width) {
  Image to{height, width, from.channels, {}};
  const auto channels = static_cast<size_t>(from.channels);
  to.pixels.reserve(static_cast<size_t>(height * width) * channels);
  const std::vector<size_t> columns = nearest_inputs(from.width, width);
  for (size_t y : nearest_inputs(from.height, height)) {
    const uint8_t* row = from.pixels.data() + y * static_cast<size_t>(from.width) * channels;
    for (size_t x : columns) to.pixels.insert(to.pixels.end(), row + x * channels, row + (x + 1) * channels);
  }
  return to;
}

}  // namespace

Image resize_image(const Image& image, int64_t height, int64_t width, Preprocess::Filter filter,
                   Antialias antialias) {
  if (height == image.height && width == image.width) return image;
  if (filter == Preprocess::Filter::kNearest) return resize_nearest(image, height, width);
  Image wide = width == image.width
                   ? image
                   : resample_rows(image, width, make_taps(image.width, width, filter, antialias));
  if (height == image.height) return wide;
  return resample_columns(wide, height, make_taps(image.height, height, filter, antialias));
}

Image to_gray(const Image& image) {
  if (image.channels == 1) return image;
  Image gray{image.height, image.width, 1, {}};
  gray.pixels.resize(image.pixels.size() / 3);
  for (size_t i = 0; i < gray.pixels.size(); ++i) {
    const uint8_t* p = image.pixels.data() + 3 * i;
    gray.pixels[i] = static_cast<uint8_t>((19595 * p[0] + 38470 * p[1] + 7471 * p[2] + 0x8000) >> 16);
  }
  return gray;
}

}  // namespace precis::data
