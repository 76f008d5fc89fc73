// Files, slices and memory as byte sources.
#include "precis/data/byte_source.h"

#include <algorithm>
#include <cstring>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/text.h"

namespace precis::data {
namespace {

class FileBytes : public ByteSource {
 public:
  explicit FileBytes(InputFile file) : ByteSource(printable(file.path())), file_(std::move(file)) {}
  uint64_t size() const override { return file_.size(); }

 protected:
  void read_range(uint64_t offset, std::span<std::byte> out) const override {
    file_.read_exact(offset, out);
    file_.check_unchanged();
  }

 private:
  InputFile file_;
};

class SliceBytes : public ByteSource {
 public:
  SliceBytes(BytesPtr source, uint64_t offset, uint64_t size, std::string name)
      : ByteSource(std::move(name)), source_(std::move(source)), offset_(offset), size_(size) {}
  uint64_t size() const override { return size_; }

 protected:
  void read_range(uint64_t offset, std::span<std::byte> out) const override {
    source_->read(offset_ + offset, out);
  }

 private:
  BytesPtr source_;
  uint64_t offset_, size_;
};

class MemoryBytes : public ByteSource {
 public:
  MemoryBytes(std::vector<std::byte> bytes, std::string name)
      : ByteSource(std::move(name)), bytes_(std::move(bytes)) {}
  uint64_t size() const override { return bytes_.size(); }

 protected:
  void read_range(uint64_t offset, std::span<std::byte> out) const override {
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
  }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace

void ByteSource::read(uint64_t offset, std::span<std::byte> out) const {
  check(offset <= size() && out.size() <= size() - offset, ErrorCode::kMalformed,
        "'{}' ends at byte {}, expected {} bytes at offset {}: the file is truncated; copy it again", name_,
        size(), out.size(), offset);
  if (!out.empty()) read_range(offset, out);
}

std::vector<std::byte> ByteSource::read(uint64_t offset, uint64_t size) const {
  check(offset <= this->size() && size <= this->size() - offset, ErrorCode::kMalformed,
        "'{}' ends at byte {}, expected {} bytes at offset {}: the file is truncated; copy it again", name_,
        this->size(), size, offset);
  std::vector<std::byte> bytes(size);
  if (size != 0) read_range(offset, bytes);
  return bytes;
}

BytesPtr open_bytes(const std::string& path) { return std::make_shared<FileBytes>(InputFile::open(path)); }

BytesPtr slice_bytes(BytesPtr source, uint64_t offset, uint64_t size, std::string name) {
  check(offset <= source->size() && size <= source->size() - offset, ErrorCode::kMalformed,
        "'{}' claims bytes {} to {}, but '{}' has {}; the file is truncated or damaged", name, offset,
        offset + size, source->name(), source->size());
  return std::make_shared<SliceBytes>(std::move(source), offset, size, std::move(name));
}

BytesPtr memory_bytes(std::vector<std::byte> bytes, std::string name) {
  return std::make_shared<MemoryBytes>(std::move(bytes), std::move(name));
}

std::vector<std::byte> read_prefix(const ByteSource& source, uint64_t size) {
  return source.read(0, std::min(size, source.size()));
}

}  // namespace precis::data
