// Pixels to tensors. An 8-bit pixel has 256 values, so the arithmetic is done once per channel and value.
#include "precis/data/preprocess.h"

#include <algorithm>
#include <array>

#include "precis/core/check.h"
#include "precis/data/image_file.h"
#include "precis/data/resize.h"

namespace precis::data {
namespace {

struct Size {
  int64_t height, width;
};

Size resized(Size from, const Preprocess& p) {
  switch (p.resize) {
    case Preprocess::ResizeMode::kNone:
      return from;
    case Preprocess::ResizeMode::kExact:
      return {p.resize_height, p.resize_width};
    case Preprocess::ResizeMode::kShortSide:
      break;
  }
  const int64_t side = p.resize_height;
  if (from.height <= from.width) return {side, checked_mul(side, from.width) / from.height};
  return {checked_mul(side, from.height) / from.width, side};
}

Size cropped(Size from, const Preprocess& p) {
  return p.crop_height == 0 ? from : Size{p.crop_height, p.crop_width};
}

double channel_value(const std::vector<double>& values, size_t channel, double otherwise) {
  return values.empty() ? otherwise : values.size() == 1 ? values[0] : values[channel];
}

using Lookup = std::array<float, 256>;

std::vector<Lookup> make_lookups(const Preprocess& p, size_t channels) {
  std::vector<Lookup> tables(channels);
  for (size_t c = 0; c < channels; ++c) {
    const auto mean = static_cast<float>(channel_value(p.mean, c, 0.0));
    const auto stddev = static_cast<float>(channel_value(p.stddev, c, 1.0));
    for (int pixel = 0; pixel < 256; ++pixel)
      tables[c][static_cast<size_t>(pixel)] = (static_cast<float>(pixel * p.scale) - mean) / stddev;
  }
  return tables;
}

void check_channel_count(const std::vector<double>& values, size_t channels, const char* what,
                         const Preprocess& p) {
  check(values.size() <= 1 || values.size() == channels, ErrorCode::kUsage,
        "preprocessing '{}' has {} {} values for pictures of {} channels; give one, or one a channel", p.name,
        values.size(), what, channels);
}

}  // namespace

Shape preprocessed_shape(int64_t height, int64_t width, const Preprocess& p) {
  const Size size = cropped(resized({height, width}, p), p);
  const int64_t channels = p.color == Preprocess::Color::kGray ? 1 : 3;
  return p.layout == Preprocess::Layout::kNchw ? Shape{1, channels, size.height, size.width}
                                               : Shape{1, size.height, size.width, channels};
}

Tensor apply_preprocess(const Image& original, const Preprocess& p, const std::string& where) {
  const bool gray = p.color == Preprocess::Color::kGray;
  const size_t channels = gray ? 1 : 3;
  check_channel_count(p.mean, channels, "mean", p);
  check_channel_count(p.stddev, channels, "std", p);
  const Size full = resized({original.height, original.width}, p);
  check_image_size(full.height, full.width, where);
  const Size size = cropped(full, p);
  check(size.height <= full.height && size.width <= full.width, ErrorCode::kUsage,
        "'{}' has {} x {} pixels{}, smaller than the crop of {} x {}; resize first (preprocessing '{}')",
        where, full.width, full.height, p.resize == Preprocess::ResizeMode::kNone ? "" : " after the resize",
        size.width, size.height, p.name);
  const bool resizes = full.height != original.height || full.width != original.width;
  Image made;  // `original` itself where nothing changes it
  if (gray) made = to_gray(original);
  if (resizes)
    made = resize_image(gray ? made : original, full.height, full.width, p.filter,
                        p.antialias ? Antialias::kYes : Antialias::kNo);
  const Image& image = gray || resizes ? made : original;
  const std::vector<Lookup> tables = make_lookups(p, channels);
  const int64_t top = (full.height - size.height) / 2, left = (full.width - size.width) / 2;
  const bool planar = p.layout == Preprocess::Layout::kNchw;
  Tensor result(DType::kF32, preprocessed_shape(original.height, original.width, p));
  float* out = result.data<float>().data();
  const int64_t pixel_step = planar ? 1 : static_cast<int64_t>(channels);
  const int64_t plane = planar ? size.height * size.width : 1;
  for (size_t c = 0; c < channels; ++c) {
    const size_t source = image.channels == 1 ? 0 : p.color == Preprocess::Color::kBgr ? 2 - c : c;
    float* to = out + static_cast<int64_t>(c) * plane;
    for (int64_t y = 0; y < size.height; ++y) {
      const uint8_t* from = image.pixels.data() + ((top + y) * image.width + left) * image.channels;
      for (int64_t x = 0; x < size.width; ++x, to += pixel_step)
        *to = tables[c][from[x * image.channels + static_cast<int64_t>(source)]];
    }
  }
  return p.dtype == DType::kF32 ? result : result.cast(p.dtype);
}

}  // namespace precis::data
