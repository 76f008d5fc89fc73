// Pictures stored as raw pixels: CIFAR records and u8 arrays.
#include <algorithm>

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/text.h"
#include "precis/data/image_set.h"

namespace precis::data {
namespace {

constexpr int64_t kCifarSide = 32;
constexpr uint64_t kCifarPixels = 3 * kCifarSide * kCifarSide;

// Planar channels -> interleaved.
Image interleave(std::span<const std::byte> planes, int64_t channels, int64_t height, int64_t width) {
  Image image{height, width, channels, {}};
  const auto count = static_cast<size_t>(height * width), step = static_cast<size_t>(channels);
  image.pixels.resize(count * step);
  for (size_t c = 0; c < step; ++c)
    for (size_t i = 0; i < count; ++i)
      image.pixels[i * step + c] = std::to_integer<uint8_t>(planes[c * count + i]);
  return image;
}

class CifarImages : public ImageSet {
 public:
  CifarImages(BytesPtr bytes, uint64_t label_bytes)
      : bytes_(std::move(bytes)), label_bytes_(label_bytes), record_(label_bytes + kCifarPixels) {}

  int64_t size() const override { return static_cast<int64_t>(bytes_->size() / record_); }
  bool labelled() const override { return true; }
  std::string origin(int64_t index) const override { return fmt::format("record {}", index); }
  std::string describe() const override {
    return fmt::format("CIFAR-{} file '{}', {} pictures with labels", classes(), bytes_->name(), size());
  }
  Picture load(int64_t index) const override {
    const std::vector<std::byte> pixels = read_pixels(index);
    return {interleave(pixels, 3, kCifarSide, kCifarSide), xxh3(pixels)};
  }
  uint64_t content_hash(int64_t index) const override { return xxh3(read_pixels(index)); }
  int64_t label(int64_t index) const override {
    const std::vector<std::byte> label =
        bytes_->read(static_cast<uint64_t>(index) * record_ + label_bytes_ - 1, 1);
    const auto value = std::to_integer<int64_t>(label[0]);
    check(value < classes(), ErrorCode::kMalformed, "'{}' record {}: label {}, CIFAR-{} has 0 to {}",
          bytes_->name(), index, value, classes(), classes() - 1);
    return value;
  }

 private:
  int64_t classes() const { return label_bytes_ == 1 ? 10 : 100; }
  std::vector<std::byte> read_pixels(int64_t index) const {
    return bytes_->read(static_cast<uint64_t>(index) * record_ + label_bytes_, kCifarPixels);
  }
  BytesPtr bytes_;
  uint64_t label_bytes_, record_;
};

class ArrayImages : public ImageSet {
 public:
  ArrayImages(StoredArray array, std::vector<int64_t> labels, const char* form)
      : array_(std::move(array)), labels_(std::move(labels)), form_(form) {}

  int64_t size() const override { return array_.rows(); }
  bool labelled() const override { return !labels_.empty(); }
  int64_t label(int64_t index) const override {
    return labelled() ? labels_[static_cast<size_t>(index)] : -1;
  }
  std::string origin(int64_t index) const override { return fmt::format("row {}", index); }
  std::string describe() const override {
    return fmt::format("{} '{}', {} pictures of {}, {}", form_, array_.name(), size(),
                       Shape(std::vector<int64_t>(array_.shape.begin() + 1, array_.shape.end())).str(),
                       labelled() ? fmt::format("{} labels", labels_.size()) : "no labels");
  }
  uint64_t content_hash(int64_t index) const override { return row_hash(array_, index); }
  Picture load(int64_t index) const override {
    const Tensor row = read_rows(array_, index, 1);
    const auto pixels = std::span(row.bytes(), static_cast<size_t>(row.nbytes()));
    const Shape& s = array_.shape;
    const bool planar = s.rank() == 4 && s[3] != 1 && s[3] != 3;
    Picture picture;
    picture.content_hash = xxh3(pixels);
    if (planar) {
      picture.image = interleave(pixels, s[1], s[2], s[3]);
    } else {
      picture.image = Image{s[1], s[2], s.rank() == 4 ? s[3] : 1, {}};
      const auto* data = reinterpret_cast<const uint8_t*>(pixels.data());
      picture.image.pixels.assign(data, data + pixels.size());
    }
    return picture;
  }

 private:
  StoredArray array_;
  std::vector<int64_t> labels_;
  const char* form_;
};

bool labels_in_range(const ByteSource& bytes, uint64_t label_bytes) {
  const uint64_t record = label_bytes + kCifarPixels;
  if (bytes.size() == 0 || bytes.size() % record != 0) return false;
  for (uint64_t i = 0; i < std::min<uint64_t>(bytes.size() / record, 16); ++i) {
    const std::vector<std::byte> label = bytes.read(i * record, label_bytes);
    const uint8_t first = std::to_integer<uint8_t>(label[0]),
                  last = std::to_integer<uint8_t>(label[label_bytes - 1]);
    if (label_bytes == 1 ? first > 9 : first > 19 || last > 99) return false;
  }
  return true;
}

}  // namespace

bool looks_like_cifar(const ByteSource& bytes) {
  return labels_in_range(bytes, 1) || labels_in_range(bytes, 2);
}

std::shared_ptr<const ImageSet> open_cifar(BytesPtr bytes) {
  const uint64_t label_bytes = labels_in_range(*bytes, 1) ? 1 : 2;
  return std::make_shared<CifarImages>(std::move(bytes), label_bytes);
}

bool holds_images(const StoredArray& array) {
  if (array.dtype != DType::kU8 || array.shape.rank() < 3 || array.shape.rank() > 4 ||
      array.shape.inner(1) == 0)
    return false;
  const auto is_channels = [](int64_t d) { return d == 1 || d == 3; };
  return array.shape.rank() == 3 || is_channels(array.shape[3]) || is_channels(array.shape[1]);
}

std::shared_ptr<const ImageSet> make_array_images(StoredArray array, std::vector<int64_t> labels,
                                                  const char* form) {
  return std::make_shared<ArrayImages>(std::move(array), std::move(labels), form);
}

}  // namespace precis::data
