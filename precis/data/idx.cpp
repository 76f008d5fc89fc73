// IDX reading.
#include "precis/data/idx.h"

#include <vector>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/text.h"
#include "precis/data/byte_order.h"
#include "precis/data/inflated_bytes.h"

namespace precis::data {
namespace {

constexpr uint64_t kMagicSize = 4;
constexpr int kMaxIdxRank = 8;

DType type_of(std::byte code) {
  switch (std::to_integer<int>(code)) {
    case 0x08:
      return DType::kU8;
    case 0x09:
      return DType::kI8;
    case 0x0B:
      return DType::kI16;
    case 0x0C:
      return DType::kI32;
    case 0x0D:
      return DType::kF32;
    case 0x0E:
      return DType::kF64;
    default:
      return DType::kUndefined;
  }
}

bool is_idx_magic(std::span<const std::byte> prefix) {
  return prefix.size() >= kMagicSize && prefix[0] == std::byte{0} && prefix[1] == std::byte{0} &&
         type_of(prefix[2]) != DType::kUndefined && prefix[3] != std::byte{0} &&
         std::to_integer<int>(prefix[3]) <= kMaxIdxRank;
}

// The decoded size that the header of a gzip IDX file promises, so that decoding can stop early when it lies.
uint64_t promised_size(const StoredArray& header) {
  uint64_t bytes = static_cast<uint64_t>(dtype_bits(header.dtype)) / 8;
  for (int64_t d : header.shape)
    check(!__builtin_mul_overflow(bytes, static_cast<uint64_t>(d), &bytes), ErrorCode::kMalformed,
          "'{}' declares shape {}, which overflows; the header is damaged", header.name(),
          header.shape.str());
  return header.data_offset + bytes;
}

StoredArray parse_header(std::span<const std::byte> start, const BytesPtr& bytes) {
  check(is_idx_magic(start), ErrorCode::kMalformed,
        "'{}' is no IDX file: it must start with 00 00, a type of 08 09 0B 0C 0D 0E, and a rank of 1 to {}",
        bytes->name(), kMaxIdxRank);
  const size_t rank = std::to_integer<size_t>(start[3]);
  check(start.size() >= kMagicSize + 4 * rank, ErrorCode::kMalformed,
        "'{}' ends in its IDX header; the file is truncated", bytes->name());
  std::vector<int64_t> dims;
  for (size_t i = 0; i < rank; ++i) dims.push_back(load_be<uint32_t>(start.subspan(kMagicSize + 4 * i)));
  StoredArray array;
  array.dtype = type_of(start[2]);
  array.shape = Shape(std::move(dims));
  array.big_endian = dtype_bits(array.dtype) > 8;
  array.data_offset = kMagicSize + 4 * rank;
  array.bytes = bytes;
  return array;
}

}  // namespace

bool looks_like_idx(const BytesPtr& bytes) {
  const std::vector<std::byte> prefix = read_prefix(*bytes, kMagicSize);
  if (!is_gzip(prefix)) return is_idx_magic(prefix);
  try {
    return is_idx_magic(inflate_prefix(bytes, DeflateForm::kGzip, kMagicSize));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kMalformed) throw;
    return false;  // a damaged gzip file is reported by whoever reads it as one
  }
}

StoredArray parse_idx(const BytesPtr& bytes) {
  constexpr uint64_t kMaxHeader = kMagicSize + 4 * kMaxIdxRank;
  const std::vector<std::byte> prefix = read_prefix(*bytes, kMaxHeader);
  StoredArray array;
  if (is_gzip(prefix)) {
    array = parse_header(inflate_prefix(bytes, DeflateForm::kGzip, kMaxHeader), bytes);
    InflateOptions options;
    options.expected_size = promised_size(array);
    array.bytes = inflate_bytes(bytes, options);
  } else {
    array = parse_header(prefix, bytes);
  }
  check_stored_size(array);
  return array;
}

std::optional<std::string> find_idx_labels(const std::string& images_path) {
  const std::string folder = parent_folder(images_path);
  std::string name = images_path.substr(images_path.rfind('/') + 1);
  const bool gzip = name.ends_with(".gz");
  if (gzip) name.resize(name.size() - 3);
  for (const char* mark : {"images-idx", "images.idx"}) {
    const size_t at = name.rfind(mark);
    if (at == std::string::npos || at + 10 >= name.size()) continue;
    std::string labels = name;
    labels[at + 10] = '1';
    labels.replace(at, 6, "labels");
    for (const char* ending : {gzip ? ".gz" : "", gzip ? "" : ".gz"}) {
      const std::string path =
          images_path.find('/') == std::string::npos ? labels + ending : join_path(folder, labels + ending);
      if (path_kind(path) == PathKind::kFile) return path;
    }
  }
  return std::nullopt;
}

}  // namespace precis::data
