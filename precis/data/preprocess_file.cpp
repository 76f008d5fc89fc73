// Preprocessing from YAML. Every key is known or refused: a misspelt "sdt" must not silently mean "no std".
#include <algorithm>
#include <cmath>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/data/preprocess.h"
#include "precis/data/yaml.h"

namespace precis::data {
namespace {

constexpr int64_t kMaxSide = 65536;

constexpr size_t kMaxName = 100;
const std::vector<std::string> kKeys = {"name",  "resize", "crop", "color", "layout",
                                        "scale", "mean",   "std",  "dtype"};
const std::vector<std::string> kResizeKeys = {"mode", "size", "filter", "antialias"};

// The index of a scalar among `words`, which are in the order of the enum it stands for.
size_t choice(const YamlNode& node, const char* what, const std::vector<std::string>& words) {
  const std::string word = to_lower(node.as_string(what));
  const auto at = std::find(words.begin(), words.end(), word);
  if (at == words.end())
    node.fail_value(
        fmt::format("{} is '{}', expected one of: {}", what, printable(word), fmt::join(words, ", ")));
  return static_cast<size_t>(at - words.begin());
}

// n, or [height, width].
std::vector<int64_t> sides(const YamlNode& node, const char* what) {
  std::vector<int64_t> values = node.as_ints(what);
  if (values.empty() || values.size() > 2)
    node.fail_value(fmt::format("{} has {} values, expected n or [height, width]", what, values.size()));
  for (int64_t v : values)
    if (v < 1 || v > kMaxSide) node.fail_value(fmt::format("{} is {}, expected 1 to {}", what, v, kMaxSide));
  return values;
}

void read_size(const YamlNode& node, Preprocess& p) {
  const std::vector<int64_t> size = sides(node, "resize size");
  const bool square = size.size() == 1;
  if (p.resize == Preprocess::ResizeMode::kShortSide && !square)
    node.fail_value("resize size has two values, but mode short_side takes one; use mode: exact");
  p.resize_height = size[0];
  p.resize_width = square ? size[0] : size[1];
}

void read_resize(const YamlNode& node, Preprocess& p) {
  p.resize = Preprocess::ResizeMode::kShortSide;
  if (!node.is_map()) {  // "resize: 256" is the short side, "resize: [h, w]" exact
    if (node.is_sequence()) p.resize = Preprocess::ResizeMode::kExact;
    read_size(node, p);
    return;
  }
  node.check_keys(kResizeKeys, "resize");
  const YamlNode* size = node.find("size");
  if (size != nullptr && size->is_sequence()) p.resize = Preprocess::ResizeMode::kExact;
  if (const YamlNode* mode = node.find("mode"))
    p.resize =
        static_cast<Preprocess::ResizeMode>(choice(*mode, "resize mode", {"none", "short_side", "exact"}));
  if (const YamlNode* filter = node.find("filter"))
    p.filter =
        static_cast<Preprocess::Filter>(choice(*filter, "resize filter", {"bilinear", "bicubic", "nearest"}));
  if (const YamlNode* antialias = node.find("antialias")) p.antialias = antialias->as_bool("antialias");
  if (p.resize == Preprocess::ResizeMode::kNone) return;
  if (size == nullptr) node.fail_value("resize needs a size");
  read_size(*size, p);
}

void read_crop(const YamlNode& node, Preprocess& p) {
  const std::vector<int64_t> size = sides(node, "crop");
  p.crop_height = size.front();
  p.crop_width = size.back();
}

void check_stddev(const YamlNode& node, const Preprocess& p) {
  for (double s : p.stddev)
    if (static_cast<float>(s) == 0.0f) node.fail_value("std is 0, which would divide by zero");
}

void check_channels(const YamlNode& node, const char* what, const std::vector<double>& values,
                    const Preprocess& p) {
  const size_t channels = p.color == Preprocess::Color::kGray ? 1 : 3;
  if (values.empty() || (values.size() != 1 && values.size() != channels))
    node.fail_value(
        fmt::format("{} has {} values, expected 1 or {} (one a channel)", what, values.size(), channels));
}

DType read_dtype(const YamlNode& node) {
  const std::string name = node.as_string("dtype");
  const DType dtype = dtype_from_name(name);
  const bool known = dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 ||
                     dtype == DType::kF64 || (is_integer(dtype) && dtype_bits(dtype) >= 8);
  if (!known)
    node.fail_value(fmt::format("dtype is '{}', expected f32, f16, bf16, f64, or an integer such as u8",
                                printable(name)));
  return dtype;
}

// A label for reports, kept as it prints; short enough that printing leaves it whole.
std::string read_name(const YamlNode& node) {
  const std::string name = printable(node.as_string("name"));
  if (name.size() > kMaxName)
    node.fail_value(
        fmt::format("name takes {} bytes when printed, expected at most {}", name.size(), kMaxName));
  return name;
}

}  // namespace

Preprocess preprocess_from_text(const std::string& yaml, const std::string& where) {
  const YamlNode root = parse_yaml(yaml, where);
  root.check_keys(kKeys, "the preprocessing");
  Preprocess p;
  const auto with = [&](const char* key, auto&& use) {
    if (const YamlNode* node = root.find(key)) use(*node);
  };
  with("name", [&](const YamlNode& n) { p.name = read_name(n); });
  with("resize", [&](const YamlNode& n) { read_resize(n, p); });
  with("crop", [&](const YamlNode& n) { read_crop(n, p); });
  with("color", [&](const YamlNode& n) {
    p.color = static_cast<Preprocess::Color>(choice(n, "color", {"rgb", "bgr", "gray"}));
  });
  with("layout", [&](const YamlNode& n) {
    p.layout = static_cast<Preprocess::Layout>(choice(n, "layout", {"nchw", "nhwc"}));
    p.layout_given = true;
  });
  with("scale", [&](const YamlNode& n) { p.scale = n.as_double("scale"); });
  with("mean", [&](const YamlNode& n) {
    p.mean = n.as_doubles("mean");
    check_channels(n, "mean", p.mean, p);
  });
  with("std", [&](const YamlNode& n) {
    p.stddev = n.as_doubles("std");
    check_channels(n, "std", p.stddev, p);
    check_stddev(n, p);
  });
  with("dtype", [&](const YamlNode& n) {
    p.dtype = read_dtype(n);
    p.dtype_given = true;
  });
  return p;
}

namespace {

// A YAML scalar that needs no escapes but for the quote itself.
std::string single_quoted(const std::string& text) {
  std::string quoted = "'";
  for (char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace

std::string preprocess_text(const Preprocess& p) {
  using P = Preprocess;
  static constexpr const char* kFilters[] = {"bilinear", "bicubic", "nearest"};
  static constexpr const char* kColors[] = {"rgb", "bgr", "gray"};
  std::string out = fmt::format("name: {}\n", single_quoted(p.name));
  if (p.resize != P::ResizeMode::kNone)
    out += fmt::format("resize: {{mode: {}, size: {}, filter: {}, antialias: {}}}\n",
                       p.resize == P::ResizeMode::kShortSide ? "short_side" : "exact",
                       p.resize == P::ResizeMode::kShortSide
                           ? fmt::format("{}", p.resize_height)
                           : fmt::format("[{}, {}]", p.resize_height, p.resize_width),
                       kFilters[static_cast<size_t>(p.filter)], p.antialias);
  if (p.crop_height != 0) out += fmt::format("crop: [{}, {}]\n", p.crop_height, p.crop_width);
  out += fmt::format("color: {}\n", kColors[static_cast<size_t>(p.color)]);
  if (p.layout_given) out += fmt::format("layout: {}\n", p.layout == P::Layout::kNchw ? "NCHW" : "NHWC");
  out += fmt::format("scale: {}\n", p.scale);
  if (!p.mean.empty()) out += fmt::format("mean: [{}]\n", fmt::join(p.mean, ", "));
  if (!p.stddev.empty()) out += fmt::format("std: [{}]\n", fmt::join(p.stddev, ", "));
  if (p.dtype_given) out += fmt::format("dtype: {}\n", dtype_name(p.dtype));
  return out;
}

Preprocess read_preprocess_file(const std::string& path) {
  return preprocess_from_text(read_text_file(path, limits().max_yaml_bytes), path);
}

}  // namespace precis::data
