// File makers for the data tests.
#include "tests/data/data_test_support.h"

#include <cstdio>

#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace precis::data::test {

TempFolder::TempFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "precis_data_XXXXXX").string();
  path_ = ::mkdtemp(name.data());
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempFolder::write(const std::string& name, const Bytes& bytes) const {
  const std::string path = at(name);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

void expect_error(const std::function<void()>& action, ErrorCode code,
                  const std::vector<std::string>& fragments) {
  try {
    action();
    ADD_FAILURE() << "no error, expected: " << ::testing::PrintToString(fragments);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    for (const std::string& fragment : fragments) EXPECT_THAT(error.what(), ::testing::HasSubstr(fragment));
  }
}

namespace {
Bytes little(uint64_t v, int width) {
  Bytes b;
  for (int i = 0; i < width; ++i) b += static_cast<char>(v >> (8 * i));
  return b;
}
}  // namespace

Bytes le16(uint64_t v) { return little(v, 2); }
Bytes le32(uint64_t v) { return little(v, 4); }
Bytes le64(uint64_t v) { return little(v, 8); }
Bytes be32(uint64_t v) {
  Bytes b = le32(v);
  return {b.rbegin(), b.rend()};
}

std::span<const std::byte> as_bytes(const Bytes& bytes) {
  return std::as_bytes(std::span(bytes.data(), bytes.size()));
}

Bytes npy_with_header(const std::string& header, const Bytes& data) {
  return std::string("\x93NUMPY\x01\x00", 8) + le16(header.size()) + header + data;
}

Bytes npy(const std::string& descr, const std::string& shape, const Bytes& data, const std::string& fortran) {
  return npy_with_header(
      "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n", data);
}

uint32_t crc_of(const Bytes& data) {
  return static_cast<uint32_t>(crc32(crc32(0, nullptr, 0), reinterpret_cast<const Bytef*>(data.data()),
                                     static_cast<uInt>(data.size())));
}

namespace {
Bytes deflated(const Bytes& data, int window) {
  z_stream s{};
  deflateInit2(&s, 1, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&s, data.size()) + 64, '\0');
  s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  s.avail_in = static_cast<uInt>(data.size());
  s.next_out = reinterpret_cast<Bytef*>(out.data());
  s.avail_out = static_cast<uInt>(out.size());
  deflate(&s, Z_FINISH);
  out.resize(s.total_out);
  deflateEnd(&s);
  return out;
}
}  // namespace

Bytes gzip(const Bytes& data) { return deflated(data, 15 + 16); }

Bytes zip(const std::vector<ZipMember>& members) {
  Bytes out, directory;
  for (const ZipMember& m : members) {
    const Bytes data = m.deflate ? deflated(m.data, -15) : m.data;
    const uint64_t size = m.declared_size < 0 ? m.data.size() : static_cast<uint64_t>(m.declared_size);
    const Bytes common = le16(static_cast<uint64_t>(m.flags)) + le16(m.deflate ? 8 : 0) + le32(0) +
                         le32(crc_of(m.data) ^ (m.wrong_crc ? 1u : 0u)) + le32(data.size()) + le32(size) +
                         le16(m.name.size()) + le16(0);
    directory += le32(0x02014b50) + le16(20) + le16(20) + common + le16(0) + le16(0) + le16(0) + le32(0) +
                 le32(out.size()) + m.name;
    out += le32(0x04034b50) + le16(20) + common + m.name + data;
  }
  return out + directory + le32(0x06054b50) + le16(0) + le16(0) + le16(members.size()) +
         le16(members.size()) + le32(directory.size()) + le32(out.size()) + le16(0);
}

Image test_picture(int64_t height, int64_t width, int64_t channels) {
  Image image{height, width, channels, {}};
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < channels; ++c)
        image.pixels.push_back(static_cast<uint8_t>((37 * y + 59 * x + 101 * c + 13 * x * y) % 256));
  return image;
}

Bytes jpeg(const Image& image, int quality) {
  jpeg_compress_struct c;
  jpeg_error_mgr errors;
  c.err = jpeg_std_error(&errors);
  jpeg_create_compress(&c);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&c, &buffer, &size);
  c.image_width = static_cast<JDIMENSION>(image.width);
  c.image_height = static_cast<JDIMENSION>(image.height);
  c.input_components = static_cast<int>(image.channels);
  c.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : image.channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&c);
  jpeg_set_quality(&c, quality, TRUE);
  jpeg_start_compress(&c, TRUE);
  while (c.next_scanline < c.image_height) {
    const auto at = static_cast<size_t>(c.next_scanline) * static_cast<size_t>(image.width * image.channels);
    JSAMPROW row = const_cast<JSAMPROW>(image.pixels.data() + at);
    jpeg_write_scanlines(&c, &row, 1);
  }
  jpeg_finish_compress(&c);
  Bytes bytes(reinterpret_cast<char*>(buffer), size);
  jpeg_destroy_compress(&c);
  std::free(buffer);
  return bytes;
}

Bytes png(const Image& image) {
  png_image p{};
  p.version = PNG_IMAGE_VERSION;
  p.width = static_cast<png_uint_32>(image.width);
  p.height = static_cast<png_uint_32>(image.height);
  p.format = image.channels == 1 ? PNG_FORMAT_GRAY : image.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_RGBA;
  png_alloc_size_t size = 0;
  png_image_write_to_memory(&p, nullptr, &size, 0, image.pixels.data(), 0, nullptr);
  Bytes bytes(size, '\0');
  png_image_write_to_memory(&p, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr);
  bytes.resize(size);
  return bytes;
}

Bytes varint(uint64_t v) {
  Bytes b;
  for (; v >= 128; v >>= 7) b += static_cast<char>((v & 127) | 128);
  return b + static_cast<char>(v);
}

Bytes field_varint(int number, uint64_t v) { return varint(static_cast<uint64_t>(number) << 3) + varint(v); }

Bytes field_bytes(int number, const Bytes& data) {
  return varint((static_cast<uint64_t>(number) << 3) | 2) + varint(data.size()) + data;
}

Bytes tensor_proto(const std::vector<int64_t>& dims, int type, const Bytes& raw_data,
                   const std::string& name) {
  Bytes b;
  for (int64_t d : dims) b += field_varint(1, static_cast<uint64_t>(d));
  return b + field_varint(2, static_cast<uint64_t>(type)) + field_bytes(8, name) + field_bytes(9, raw_data);
}

Bytes idx(int type, const std::vector<uint32_t>& dims, const Bytes& data) {
  Bytes b(2, '\0');
  b += static_cast<char>(type);
  b += static_cast<char>(dims.size());
  for (uint32_t d : dims) b += be32(d);
  return b + data;
}

InputSpec input(const std::string& name, std::vector<int64_t> dims, DType dtype) {
  return {name, dtype, std::move(dims)};
}

DataSpec spec(const std::string& text) { return parse_data_spec(text); }

SourcePtr open(const std::string& text, const std::vector<InputSpec>& inputs) {
  return open_source(parse_data_spec(text), inputs);
}

std::vector<float> floats(const Tensor& tensor) {
  std::vector<float> values;
  for (int64_t i = 0; i < tensor.numel(); ++i) values.push_back(static_cast<float>(tensor.at_double(i)));
  return values;
}

std::string shared_data() {
  const char* variable = std::getenv("PRECIS_SHARED_DATA");
  const std::string folder = variable != nullptr ? variable : PRECIS_SHARED_DATA;
  return std::filesystem::exists(folder) ? folder : "";
}

}  // namespace precis::data::test
