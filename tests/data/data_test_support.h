// Makers of input files for the data tests: byte by byte, so that broken ones can be made as easily as good
// ones.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "precis/core/error.h"
#include "precis/data/preprocess.h"
#include "precis/data/source.h"

namespace precis::data::test {

using Bytes = std::string;  // raw bytes; a string so that pieces join with +

// A folder of its own, removed with all it holds.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string at(const std::string& name) const { return path_ + "/" + name; }
  // Writes a file, making folders in between; returns its path.
  std::string write(const std::string& name, const Bytes& bytes) const;

 private:
  std::string path_;
};

// Runs `action` and expects an Error of this code whose message holds every fragment.
void expect_error(const std::function<void()>& action, ErrorCode code,
                  const std::vector<std::string>& fragments);

Bytes le16(uint64_t v);
Bytes le32(uint64_t v);
Bytes le64(uint64_t v);
Bytes be32(uint64_t v);
template <typename T>
Bytes raw(const std::vector<T>& values) {
  return Bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}
std::span<const std::byte> as_bytes(const Bytes& bytes);

// npy version 1.0 around any header text.
Bytes npy_with_header(const std::string& header, const Bytes& data);
Bytes npy(const std::string& descr, const std::string& shape, const Bytes& data,
          const std::string& fortran = "False");

struct ZipMember {
  std::string name;
  Bytes data;
  bool deflate = false;
  // Lies, when set.
  int64_t declared_size = -1;
  int flags = 0;
  bool wrong_crc = false;
};
Bytes zip(const std::vector<ZipMember>& members);
Bytes gzip(const Bytes& data);
uint32_t crc_of(const Bytes& data);

// pixel(y, x, c) = (37 y + 59 x + 101 c + 13 x y) mod 256.
Image test_picture(int64_t height, int64_t width, int64_t channels);
Bytes jpeg(const Image& image, int quality = 95);
Bytes png(const Image& image);

// Protobuf pieces of a TensorProto.
Bytes varint(uint64_t v);
Bytes field_varint(int number, uint64_t v);
Bytes field_bytes(int number, const Bytes& data);
Bytes tensor_proto(const std::vector<int64_t>& dims, int type, const Bytes& raw_data,
                   const std::string& name = "x");

Bytes idx(int type, const std::vector<uint32_t>& dims, const Bytes& data);

InputSpec input(const std::string& name, std::vector<int64_t> dims, DType dtype = DType::kF32);
DataSpec spec(const std::string& text);
SourcePtr open(const std::string& text, const std::vector<InputSpec>& inputs);
std::vector<float> floats(const Tensor& tensor);

// The folder of real data, or "" when it is not there.
std::string shared_data();

}  // namespace precis::data::test
