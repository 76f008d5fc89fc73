// PNG through libpng, with the same rule as the JPEG decoder: nothing with a destructor in a function that
// may be left by longjmp. Animated PNGs give their default picture.
#include <png.h>

#include <csetjmp>
#include <cstring>
#include <vector>

#include "precis/core/check.h"
#include "precis/data/image_file.h"

namespace precis::data {
namespace {

constexpr png_alloc_size_t kMaxChunkBytes = 8u << 20;
constexpr png_uint_32 kMaxChunks = 128;
constexpr png_uint_32 kMaxSide = 1u << 20;

struct Decoder {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::span<const std::byte> left;
  char message[256] = {};
  bool truncated = false;

  ~Decoder() {
    if (png != nullptr) png_destroy_read_struct(&png, &info, nullptr);
  }
};

void read_bytes(png_structp png, png_bytep out, size_t size) {
  auto& decoder = *static_cast<Decoder*>(png_get_io_ptr(png));
  if (size > decoder.left.size()) {
    decoder.truncated = true;
    png_error(png, "the data end inside the picture");
  }
  std::memcpy(out, decoder.left.data(), size);
  decoder.left = decoder.left.subspan(size);
}

[[noreturn]] void give_up(png_structp png, png_const_charp text) {
  auto& decoder = *static_cast<Decoder*>(png_get_error_ptr(png));
  std::strncpy(decoder.message, text, sizeof decoder.message - 1);
  png_longjmp(png, 1);
}

void ignore_warning(png_structp, png_const_charp) {}

bool read_header(Decoder& decoder) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  png_set_read_fn(decoder.png, &decoder, read_bytes);
  png_set_user_limits(decoder.png, kMaxSide, kMaxSide);
  png_set_chunk_malloc_max(decoder.png, kMaxChunkBytes);
  png_set_chunk_cache_max(decoder.png, kMaxChunks);
  png_read_info(decoder.png, decoder.info);
  return true;
}

// 8-bit gray or RGB, whatever the file holds; nothing depends on gamma or background chunks.
bool set_transforms(Decoder& decoder) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  const int color = png_get_color_type(decoder.png, decoder.info);
  if (png_get_bit_depth(decoder.png, decoder.info) == 16) png_set_strip_16(decoder.png);
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(decoder.png);
  if (color == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(decoder.png);
  png_set_strip_alpha(decoder.png);
  png_set_interlace_handling(decoder.png);
  png_read_update_info(decoder.png, decoder.info);
  return true;
}

bool decode_rows(Decoder& decoder, png_bytep* rows) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  png_read_image(decoder.png, rows);
  png_read_end(decoder.png, nullptr);
  return true;
}

[[noreturn]] void fail_decoding(const Decoder& decoder, const std::string& where) {
  check(!decoder.truncated, ErrorCode::kMalformed, "'{}' is a truncated PNG: {}; copy it again", where,
        decoder.message);
  fail(ErrorCode::kMalformed, "'{}' is a damaged PNG: {}", where, decoder.message);
}

}  // namespace

Image decode_png(std::span<const std::byte> bytes, const std::string& where) {
  Decoder decoder;
  decoder.left = bytes;
  decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, give_up, ignore_warning);
  if (decoder.png != nullptr) decoder.info = png_create_info_struct(decoder.png);
  check(decoder.info != nullptr, ErrorCode::kLimit, "not enough memory to decode '{}'", where);
  if (!read_header(decoder)) fail_decoding(decoder, where);
  Image image{
      png_get_image_height(decoder.png, decoder.info), png_get_image_width(decoder.png, decoder.info), 0, {}};
  check_image_size(image.height, image.width, where);
  if (!set_transforms(decoder)) fail_decoding(decoder, where);
  image.channels = png_get_channels(decoder.png, decoder.info);
  const size_t stride = png_get_rowbytes(decoder.png, decoder.info);
  check((image.channels == 1 || image.channels == 3) &&
            stride == static_cast<size_t>(image.width * image.channels),
        ErrorCode::kInternal, "'{}': libpng gives {} channels in rows of {} bytes", where, image.channels,
        stride);
  image.pixels.resize(stride * static_cast<size_t>(image.height));
  std::vector<png_bytep> rows(static_cast<size_t>(image.height));
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = image.pixels.data() + y * stride;
  if (!decode_rows(decoder, rows.data())) fail_decoding(decoder, where);
  return image;
}

}  // namespace precis::data
