// ByteSource: random access to the bytes of a file, a part of a file, or what a compressed part of a file
// holds. Array, IDX and CIFAR readers work on it, so that each of them reads plain, gzip and zip data alike
// without holding the set in memory. Sources are immutable and may be read from several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace precis::data {

class ByteSource {
 public:
  explicit ByteSource(std::string name) : name_(std::move(name)) {}
  virtual ~ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  const std::string& name() const { return name_; }  // for messages: "a.npz: x.npy"; printable
  virtual uint64_t size() const = 0;
  // Fills `out` from `offset`. Errors: kMalformed when the range leaves the source, kIo when the file fails
  // or changed.
  void read(uint64_t offset, std::span<std::byte> out) const;
  std::vector<std::byte> read(uint64_t offset, uint64_t size) const;

 protected:
  virtual void read_range(uint64_t offset, std::span<std::byte> out) const = 0;  // inside size()

 private:
  std::string name_;
};

using BytesPtr = std::shared_ptr<const ByteSource>;

BytesPtr open_bytes(const std::string& path);  // a regular file; Error as InputFile::open
BytesPtr slice_bytes(BytesPtr source, uint64_t offset, uint64_t size, std::string name);
BytesPtr memory_bytes(std::vector<std::byte> bytes, std::string name);

// The first `size` bytes or all there are: to recognise a form.
std::vector<std::byte> read_prefix(const ByteSource& source, uint64_t size);

}  // namespace precis::data
