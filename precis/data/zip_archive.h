// Zip archives as npz files use them: central directory read by hand, stored and deflated entries, zip64.
// Nothing is ever extracted to disk. Format: APPNOTE.TXT 6.3 (PKWARE).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "precis/data/byte_source.h"

namespace precis::data {

struct ZipEntry {
  std::string name;
  uint64_t compressed_size = 0, size = 0;
  uint64_t header_offset = 0;  // of the local header
  uint32_t crc = 0;
  uint16_t method = 0;  // 0 stored, 8 deflated
};

class ZipArchive {
 public:
  // Reads and checks the directory. Errors: kMalformed for a damaged archive, absolute, climbing, empty or
  // duplicate names, encryption, overlapping entries, sizes that cannot be (ratio above 1,100, entry above 4
  // GiB); kUnsupported for other compression methods and multi-disk archives.
  explicit ZipArchive(BytesPtr source);
  const std::vector<ZipEntry>& entries() const { return entries_; }  // in directory order
  // The entry's decoded bytes, checked against its size and CRC-32 in one pass.
  BytesPtr open(const ZipEntry& entry) const;

 private:
  struct Directory {
    uint64_t offset, size, count;
  };
  Directory find_directory() const;
  Directory zip64_directory(uint64_t end_offset, Directory plain) const;
  void read_entries(const Directory& directory);
  void check_entries(uint64_t directory_offset) const;
  uint64_t data_offset(const ZipEntry& entry) const;

  BytesPtr source_;
  std::vector<ZipEntry> entries_;
};

bool is_zip(std::span<const std::byte> prefix);

}  // namespace precis::data
