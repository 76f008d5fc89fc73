// Gzipped IDX reading over zlib's gzFile. The sizes are known (28 x 28, at most 60,000 images), so anything
// else is refused.
#include "fashion_idx.h"

#include <zlib.h>

#include <array>
#include <memory>
#include <stdexcept>

namespace train_demo {
namespace {

constexpr std::uint32_t kMagicImages = 0x00000803;
constexpr std::uint32_t kMagicLabels = 0x00000801;
constexpr std::size_t kMaxItems = 60000;  // the training part; the test part has 10,000

class GzipReader {
 public:
  explicit GzipReader(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb")) {
    if (!file_) fail("cannot be opened; install the package dataset-fashion-mnist or give --data DIR");
  }

  void read(std::uint8_t* to, std::size_t count) {
    const int got = gzread(file_.get(), to, static_cast<unsigned>(count));
    if (got < 0 || static_cast<std::size_t>(got) != count) fail("ends early or is damaged");
  }

  std::uint32_t read_u32() {
    std::array<std::uint8_t, 4> b{};
    read(b.data(), b.size());
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 |
           std::uint32_t{b[3]};
  }

  void expect_u32(std::uint32_t wanted, const char* what) {
    const std::uint32_t found = read_u32();
    if (found != wanted) {
      fail(std::string(what) + " is " + std::to_string(found) + ", expected " + std::to_string(wanted));
    }
  }

  std::size_t read_count() {
    const std::size_t count = read_u32();
    if (count == 0 || count > kMaxItems)
      fail("holds " + std::to_string(count) + " items, expected 1 to 60000");
    return count;
  }

  [[noreturn]] void fail(const std::string& what) const { throw std::runtime_error(path_ + ": " + what); }

 private:
  struct Close {
    void operator()(gzFile_s* file) const { gzclose(file); }
  };
  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

}  // namespace

LabelledImages read_fashion_mnist(const std::string& prefix) {
  LabelledImages set;
  GzipReader images(prefix + "-images-idx3-ubyte.gz");
  images.expect_u32(kMagicImages, "magic number");
  const std::size_t count = images.read_count();
  images.expect_u32(kImageSide, "image height");
  images.expect_u32(kImageSide, "image width");
  set.pixels.resize(count * kImagePixels);
  images.read(set.pixels.data(), set.pixels.size());

  GzipReader labels(prefix + "-labels-idx1-ubyte.gz");
  labels.expect_u32(kMagicLabels, "magic number");
  labels.expect_u32(static_cast<std::uint32_t>(count), "label count");
  set.labels.resize(count);
  labels.read(set.labels.data(), set.labels.size());
  for (const std::uint8_t label : set.labels) {
    if (label >= kClasses) labels.fail("holds label " + std::to_string(label) + ", expected 0 to 9");
  }
  return set;
}

}  // namespace train_demo
