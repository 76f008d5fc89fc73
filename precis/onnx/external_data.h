// External tensor data: parts of files in the model's folder that tensors name by key and value. Everything
// in those entries is untrusted: paths are opened beneath the folder only, ranges are compared by subtraction
// with the real file sizes before anything is allocated, and bytes come through pread into buffers of our
// own.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "precis/core/io.h"
#include "precis/core/tensor.h"

namespace precis::onnx_io {

struct ExternalEntry {
  std::string_view key, value;
};

class ExternalData {
 public:
  ExternalData(std::string folder, Links links) : folder_(std::move(folder)), links_(links) {}

  // The tensor's bytes. `where` names the tensor in messages. Tensors with exactly the same range share
  // memory; ranges that overlap otherwise are refused. Errors: kMalformed, kIo (read failures), kLimit.
  Tensor read(std::span<const ExternalEntry> entries, DType dtype, const Shape& shape,
              const std::string& where);

  // Relative names of the files read, sorted, and the sum of their sizes.
  std::vector<std::string> files() const;
  uint64_t bytes() const { return bytes_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  // Error(kIo) when a file changed since it was first opened.
  void check_unchanged() const;

 private:
  struct Range {
    uint64_t end = 0;
    std::string owner;  // `where` of the first tensor
    Tensor tensor;
  };
  struct File {
    std::optional<InputFile> open;  // closed when too many are open
    FileInfo info;
    std::map<uint64_t, Range> ranges;  // by begin
    std::string sha1;                  // when a checksum asked for it
  };
  struct Location {
    std::string path;
    std::optional<uint64_t> offset, length;
    std::string checksum;
  };

  static Location parse(std::span<const ExternalEntry> entries, const std::string& where);
  File& file(const std::string& path, const std::string& where);
  void reopen(File& f, const std::string& path);
  const Range* find_shared(File& f, const std::string& path, uint64_t begin, uint64_t end,
                           const std::string& where);
  void verify_checksum(File& f, const Location& at, const std::string& where);

  std::string folder_;
  Links links_;
  std::map<std::string, File> files_;
  std::vector<std::string> open_order_;  // oldest first
  uint64_t bytes_ = 0;
  bool told_shared_ = false;
  std::vector<std::string> warnings_;
};

}  // namespace precis::onnx_io
