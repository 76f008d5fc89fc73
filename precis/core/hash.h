// Hashes: SHA-256 (FIPS 180-4) for provenance and content identity, XXH3-64 for fast keys and overlap detection.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace precis {

class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> data);
  void update(std::string_view text);
  std::string hex();  // 64 lower-case digits; ends the computation

 private:
  void block(const uint8_t* p);
  std::array<uint32_t, 8> state_;
  std::array<uint8_t, 64> buffer_{};
  uint64_t length_ = 0;
};

std::string sha256_hex(std::span<const std::byte> data);
std::string sha256_hex(std::string_view text);
uint64_t xxh3(std::span<const std::byte> data, uint64_t seed = 0);

}  // namespace precis
