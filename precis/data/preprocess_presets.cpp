// The named preprocessings. docs/data.md lists them for users; keep both equal.
#include <algorithm>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/text.h"
#include "precis/data/preprocess.h"

namespace precis::data {
namespace {

const std::vector<double> kImagenetMean = {0.485, 0.456, 0.406};
const std::vector<double> kImagenetStd = {0.229, 0.224, 0.225};

Preprocess normalised(std::string name, double scale, std::vector<double> mean, std::vector<double> stddev) {
  Preprocess p;
  p.name = std::move(name);
  p.scale = scale;
  p.mean = std::move(mean);
  p.stddev = std::move(stddev);
  return p;
}

Preprocess crop_224(Preprocess p) {
  p.crop_height = p.crop_width = 224;
  return p;
}

Preprocess short_side_256(Preprocess p) {
  p.resize = Preprocess::ResizeMode::kShortSide;
  p.resize_height = 256;
  return p;
}

Preprocess in_color(Preprocess p, Preprocess::Color color) {
  p.color = color;
  return p;
}

std::vector<Preprocess> all_presets() {
  constexpr double kUnit = 1.0 / 255.0, kTf = 1.0 / 127.5;
  const std::vector<double> caffe_mean = {103.939, 116.779, 123.68};
  return {
      short_side_256(crop_224(normalised("imagenet", kUnit, kImagenetMean, kImagenetStd))),
      crop_224(normalised("imagenet-crop", kUnit, kImagenetMean, kImagenetStd)),
      short_side_256(
          crop_224(in_color(normalised("imagenet-caffe", 1.0, caffe_mean, {}), Preprocess::Color::kBgr))),
      short_side_256(crop_224(normalised("tf", kTf, {1.0}, {}))),
      crop_224(normalised("tf-crop", kTf, {1.0}, {})),
      normalised("cifar10", kUnit, kImagenetMean, kImagenetStd),
      normalised("cifar10-own", kUnit, {0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}),
      in_color(normalised("mnist", 1.0, {}, {}), Preprocess::Color::kGray),
      in_color(normalised("fashion-mnist", kUnit, {0.2860}, {0.3530}), Preprocess::Color::kGray),
      normalised("unit", kUnit, {}, {}),
      normalised("raw", 1.0, {}, {}),
  };
}

std::string numbers(const std::vector<double>& values) { return fmt::format("{:g}", fmt::join(values, " ")); }

}  // namespace

std::optional<Preprocess> preprocess_preset(const std::string& name) {
  for (Preprocess& p : all_presets())
    if (p.name == name) return std::move(p);
  return std::nullopt;
}

std::vector<std::string> preprocess_preset_names() {
  std::vector<std::string> names;
  for (const Preprocess& p : all_presets()) names.push_back(p.name);
  return names;
}

Preprocess resolve_preprocess(const std::string& preset_or_path) {
  if (std::optional<Preprocess> preset = preprocess_preset(preset_or_path)) return *std::move(preset);
  if (path_kind(preset_or_path) != PathKind::kMissing) return read_preprocess_file(preset_or_path);
  const std::vector<std::string> names = preprocess_preset_names();
  const std::string near = nearest(preset_or_path, names);
  fail(ErrorCode::kUsage, "preprocessing '{}' is neither a file nor a preset{}; presets: {}",
       printable(preset_or_path), near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near),
       fmt::join(names, ", "));
}

std::string preprocess_summary(const Preprocess& p) {
  static constexpr const char* kFilters[] = {"bilinear", "bicubic", "nearest"};
  static constexpr const char* kColors[] = {"RGB", "BGR", "gray"};
  std::string text = p.name + ": ";
  const auto filter = [&] {
    return fmt::format("{}{}", kFilters[static_cast<size_t>(p.filter)],
                       p.antialias ? "" : " without antialias");
  };
  if (p.resize == Preprocess::ResizeMode::kShortSide)
    text += fmt::format("short side {} ({}), ", p.resize_height, filter());
  if (p.resize == Preprocess::ResizeMode::kExact)
    text += fmt::format("resize {}x{} ({}), ", p.resize_height, p.resize_width, filter());
  if (p.crop_height != 0) text += fmt::format("centre crop {}x{}, ", p.crop_height, p.crop_width);
  text += kColors[static_cast<size_t>(p.color)];
  if (p.layout_given) text += p.layout == Preprocess::Layout::kNchw ? ", NCHW" : ", NHWC";
  if (p.scale != 1.0) text += fmt::format(", x {:.9g}", p.scale);
  if (!p.mean.empty()) text += fmt::format(", minus [{}]", numbers(p.mean));
  if (!p.stddev.empty()) text += fmt::format(", over [{}]", numbers(p.stddev));
  if (p.dtype_given) text += fmt::format(", {}", dtype_name(p.dtype));
  return text;
}

}  // namespace precis::data
