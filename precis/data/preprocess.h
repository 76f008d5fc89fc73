// Preprocessing of raw images (and other integer pixels) into model inputs: a preset or a YAML file, applied the same
// bit for bit everywhere. value = (pixel * scale - mean[c]) / std[c] after resize, crop, colour order and layout.
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
  int64_t resize_height = 0, resize_width = 0;  // kShortSide uses resize_height
  Filter filter = Filter::kBilinear;
  bool antialias = true;
  int64_t crop_height = 0, crop_width = 0;      // centre crop; 0 = none
  Color color = Color::kRgb;
  Layout layout = Layout::kNchw;
  double scale = 1.0;
  std::vector<double> mean, stddev;             // per channel, or one for all; empty = 0 / 1
  DType dtype = DType::kF32;
};

// imagenet, imagenet-caffe, tf, cifar10, mnist, fashion-mnist, unit, raw ...; nullopt when unknown.
std::optional<Preprocess> preprocess_preset(const std::string& name);
std::vector<std::string> preprocess_preset_names();
Preprocess read_preprocess_file(const std::string& path);   // YAML; Error(kUsage) with line and nearest key
Preprocess preprocess_from_text(const std::string& yaml, const std::string& where);
// A preset's name or a file's path.
Preprocess resolve_preprocess(const std::string& preset_or_path);
std::string preprocess_summary(const Preprocess& p);        // one line, for the report

struct Image {  // 8-bit interleaved pixels
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;
};
// To a tensor of shape [1,C,H,W] or [1,H,W,C].
Tensor apply_preprocess(const Image& image, const Preprocess& p);

}  // namespace precis::data
