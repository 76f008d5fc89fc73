// Reads the two gzipped IDX files (images and labels) of one part of Fashion-MNIST into memory.
// The format: big-endian magic 0x00000803 (u8, 3 dimensions) or 0x00000801 (u8, 1 dimension), the dimensions,
// the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace train_demo {

inline constexpr std::size_t kImageSide = 28;
inline constexpr std::size_t kImagePixels = kImageSide * kImageSide;
inline constexpr int kClasses = 10;

// Images one after the other, row-major grey bytes, and one label (0..9) for each.
struct LabelledImages {
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> labels;

  std::size_t size() const { return labels.size(); }
};

// `prefix` is the path up to "-images-idx3-ubyte.gz". Throws std::runtime_error that names the file and what
// is wrong.
LabelledImages read_fashion_mnist(const std::string& prefix);

}  // namespace train_demo
