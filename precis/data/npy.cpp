// npy and npz files.
#include "precis/data/npy.h"

#include <algorithm>
#include <string_view>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/data/byte_order.h"
#include "precis/data/npy_header.h"
#include "precis/data/zip_archive.h"

namespace precis::data {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr uint64_t kMaxHeader = 64u << 10;

const char* descr_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "<f4";
    case DType::kF64:
      return "<f8";
    case DType::kF16:
      return "<f2";
    case DType::kI8:
      return "|i1";
    case DType::kU8:
      return "|u1";
    case DType::kI16:
      return "<i2";
    case DType::kU16:
      return "<u2";
    case DType::kI32:
      return "<i4";
    case DType::kU32:
      return "<u4";
    case DType::kI64:
      return "<i8";
    case DType::kU64:
      return "<u8";
    case DType::kBool:
      return "|b1";
    default:
      fail(ErrorCode::kInternal, "npy files cannot hold {}", dtype_name(dtype));
  }
}

// The narrowest type of NumPy that holds every value.
Tensor as_writable(const Tensor& values) {
  const DType dtype = values.dtype();
  if (dtype == DType::kBF16 || is_narrow_float(dtype)) return values.cast(DType::kF32);
  if (dtype_bits(dtype) < 8) return values.cast(is_signed(dtype) ? DType::kI8 : DType::kU8);
  return values;
}

}  // namespace

bool is_npy(std::span<const std::byte> prefix) {
  return prefix.size() >= kMagic.size() &&
         std::equal(kMagic.begin(), kMagic.end(), reinterpret_cast<const char*>(prefix.data()));
}

StoredArray parse_npy(BytesPtr bytes) {
  const std::string& file = bytes->name();
  const std::vector<std::byte> start = read_prefix(*bytes, 12);
  check(start.size() >= 10 && is_npy(start), ErrorCode::kMalformed,
        "'{}' is no npy file: it does not start with \\x93NUMPY", file);
  const int major = std::to_integer<int>(start[6]), minor = std::to_integer<int>(start[7]);
  check(major >= 1 && major <= 3 && minor == 0, ErrorCode::kMalformed,
        "'{}' has npy format version {}.{}; versions 1.0 to 3.0 are read", file, major, minor);
  const uint64_t prefix = major == 1 ? 10 : 12;
  check(start.size() >= prefix, ErrorCode::kMalformed, "'{}' ends in its npy header; the file is truncated",
        file);
  const auto length = std::span<const std::byte>(start).subspan(8);
  const uint64_t header_size = major == 1 ? load_le<uint16_t>(length) : load_le<uint32_t>(length);
  check(header_size <= kMaxHeader, ErrorCode::kMalformed,
        "'{}' declares an npy header of {} bytes; at most {} are read", file, header_size, kMaxHeader);
  check(header_size <= bytes->size() - prefix, ErrorCode::kMalformed,
        "'{}' ends in its npy header ({} of {} bytes); the file is truncated", file, bytes->size() - prefix,
        header_size);
  const std::vector<std::byte> text = bytes->read(prefix, header_size);
  const NpyHeader header =
      parse_npy_header(std::string_view(reinterpret_cast<const char*>(text.data()), text.size()), file);
  StoredArray array;
  array.dtype = header.dtype;
  array.shape = header.shape;
  array.big_endian = header.big_endian;
  array.data_offset = prefix + header_size;
  array.bytes = std::move(bytes);
  check_stored_size(array);
  return header.fortran ? reorder_fortran(array) : array;
}

StoredArray open_npy(const std::string& path) { return parse_npy(open_bytes(path)); }

Tensor read_npy(const std::string& path) { return read_all(open_npy(path)); }

std::vector<NamedArray> parse_npz(BytesPtr bytes) {
  const ZipArchive archive(std::move(bytes));
  std::vector<NamedArray> arrays;
  for (const ZipEntry& entry : archive.entries()) {
    std::string key = entry.name;
    if (key.size() > 4 && key.ends_with(".npy")) key.resize(key.size() - 4);
    arrays.push_back({std::move(key), parse_npy(archive.open(entry))});
  }
  return arrays;
}

std::string npy_header(DType dtype, const Shape& shape) {
  std::string dims;
  for (int64_t d : shape) dims += fmt::format("{}{}", dims.empty() ? "" : ", ", d);
  if (shape.rank() == 1) dims += ",";
  std::string dict =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr_of(dtype), dims);
  const size_t unpadded = kMagic.size() + 4 + dict.size() + 1;
  dict.append((64 - unpadded % 64) % 64, ' ');
  dict += '\n';
  std::string header(kMagic);
  header += {'\x01', '\x00', static_cast<char>(dict.size() & 0xff), static_cast<char>(dict.size() >> 8)};
  return header + dict;
}

void write_npy(const std::string& path, const Tensor& values, Overwrite overwrite) {
  const Tensor plain = as_writable(values);
  const std::string header = npy_header(plain.dtype(), plain.shape());
  const auto bytes = std::span(plain.bytes(), static_cast<size_t>(plain.nbytes()));
  AtomicFile file(path, overwrite, header.size() + bytes.size());
  file.write(header);
  file.write(std::span<const std::byte>(bytes));
  file.publish();
}

}  // namespace precis::data
