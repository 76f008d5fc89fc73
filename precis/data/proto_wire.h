// The protobuf wire format: a cursor over fields of one message, every length checked against the bytes left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace precis::data {

enum class WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct WireField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t value = 0;                // kVarint, kFixed64, kFixed32
  std::span<const std::byte> bytes;  // kBytes
};

class WireReader {
 public:
  // `where` names the file and must outlive the reader.
  WireReader(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}
  bool done() const { return at_ == bytes_.size(); }
  // Error(kMalformed): a field or varint cut off, a length beyond the end, field 0, wire types 3, 4, 6, 7.
  WireField next();
  uint64_t varint();
  uint64_t fixed(size_t width);

 private:
  [[noreturn]] void damaged(const char* what) const;
  std::span<const std::byte> bytes_;
  const std::string& where_;
  size_t at_ = 0;
};

}  // namespace precis::data
