// SHA-1 (FIPS 180-4): only because ONNX defines the `checksum` of external data with it. Not for anything of
// ours.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace precis::onnx_io {

class Sha1 {
 public:
  void update(std::span<const std::byte> data);
  std::string hex();  // 40 lower-case digits; ends the computation

 private:
  void block(const uint8_t* p);
  std::array<uint32_t, 5> state_ = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
  std::array<uint8_t, 64> buffer_{};
  uint64_t length_ = 0;
};

}  // namespace precis::onnx_io
