// Preprocessing of raw images (and other integer pixels) into model inputs: a preset or a YAML file, applied
// the same bit for bit everywhere. value = (pixel * scale - mean[c]) / std[c] after resize, crop and colour
// order, computed as NumPy pipelines do in float32: pixel * scale is rounded to float32 once (so that scale
// 1/255 gives exactly pixel / 255), then minus float32(mean), over float32(std).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "precis/core/tensor.h"

namespace precis::data {

struct Preprocess {
  enum class Filter { kBilinear, kBicubic, kNearest };
  enum class Layout { kNchw, kNhwc };
  enum class Color { kRgb, kBgr, kGray };
  enum class ResizeMode { kNone, kShortSide, kExact };
  std::string name = "custom";
  ResizeMode resize = ResizeMode::kNone;
  int64_t resize_height = 0,
          resize_width = 0;  // kShortSide uses resize_height; the long side is rounded down
  Filter filter = Filter::kBilinear;
  bool antialias = true;
  int64_t crop_height = 0, crop_width = 0;  // centre crop, offset (size - crop) / 2 rounded down; 0 = none
  Color color = Color::kRgb;
  Layout layout = Layout::kNchw;
  bool layout_given = false;  // false: data sources choose the layout that the model's input has
  double scale = 1.0;
  std::vector<double> mean, stddev;  // per channel in the order of `color`, or one for all; empty = 0 / 1
  DType dtype = DType::kF32;
  bool dtype_given = false;  // false: data sources give the type that the model's input has
};

// imagenet, imagenet-caffe, tf, cifar10, mnist, fashion-mnist, unit, raw ... (docs/data.md); nullopt when
// unknown.
std::optional<Preprocess> preprocess_preset(const std::string& name);
std::vector<std::string> preprocess_preset_names();
Preprocess read_preprocess_file(const std::string& path);  // YAML; Error(kUsage) with line and nearest key
Preprocess preprocess_from_text(const std::string& yaml, const std::string& where);
std::string preprocess_text(const Preprocess& p);  // YAML; preprocess_from_text of it gives `p` again
// A preset's name or a file's path.
Preprocess resolve_preprocess(const std::string& preset_or_path);
std::string preprocess_summary(const Preprocess& p);  // one line, for the report

struct Image {  // 8-bit interleaved pixels
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;
};
// To a tensor of shape [1,C,H,W] or [1,H,W,C]. A gray picture is repeated for kRgb and kBgr.
// Errors (kUsage): a picture smaller than the crop, mean or std for another number of channels; `where` names
// the picture.
Tensor apply_preprocess(const Image& image, const Preprocess& p, const std::string& where = "image");
// The shape that apply_preprocess gives for a picture of this size.
Shape preprocessed_shape(int64_t height, int64_t width, const Preprocess& p);

}  // namespace precis::data
