// JPEG through libjpeg-turbo. The library reports errors through longjmp, so the functions that call it hold
// no object with a destructor; what they need lives in Decoder, which outlives them.
#include <cstdio>

#include <jerror.h>
#include <jpeglib.h>

#include <csetjmp>

#include "precis/core/check.h"
#include "precis/data/image_file.h"

namespace precis::data {
namespace {

constexpr int kMaxWarnings = 100;
constexpr int kMaxScans = 500;  // a progressive file repeats the picture once a scan
constexpr long kMaxDecoderMemory = 512l << 20;

struct Decoder {
  jpeg_decompress_struct jpeg;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  std::jmp_buf on_error;
  char message[JMSG_LENGTH_MAX] = {};
  bool truncated = false;
  int warnings = 0;
  bool created = false;

  ~Decoder() {
    if (created) jpeg_destroy_decompress(&jpeg);
  }
};

Decoder& decoder_of(j_common_ptr common) { return *static_cast<Decoder*>(common->client_data); }

[[noreturn]] void give_up(j_common_ptr common) {
  Decoder& decoder = decoder_of(common);
  common->err->format_message(common, decoder.message);
  std::longjmp(decoder.on_error, 1);
}

void note_message(j_common_ptr common, int level) {
  if (level >= 0) return;  // traces
  Decoder& decoder = decoder_of(common);
  decoder.truncated = decoder.truncated || common->err->msg_code == JWRN_JPEG_EOF;
  if (decoder.truncated || ++decoder.warnings > kMaxWarnings) give_up(common);
}

void check_scans(j_common_ptr common) {
  Decoder& decoder = decoder_of(common);
  if (decoder.jpeg.input_scan_number > kMaxScans) {
    decoder.jpeg.err->msg_code = JERR_BAD_PROGRESSION;
    give_up(common);
  }
}

bool read_header(Decoder& decoder, const unsigned char* data, unsigned long size) {
  if (setjmp(decoder.on_error) != 0) return false;
  jpeg_create_decompress(&decoder.jpeg);
  decoder.created = true;
  decoder.jpeg.client_data = &decoder;
  decoder.jpeg.mem->max_memory_to_use = kMaxDecoderMemory;
  decoder.progress.progress_monitor = check_scans;
  decoder.jpeg.progress = &decoder.progress;
  jpeg_mem_src(&decoder.jpeg, data, size);
  jpeg_read_header(&decoder.jpeg, TRUE);
  return true;
}

bool decode_rows(Decoder& decoder, unsigned char* pixels, size_t stride) {
  if (setjmp(decoder.on_error) != 0) return false;
  decoder.jpeg.dct_method = JDCT_ISLOW;
  decoder.jpeg.do_fancy_upsampling = TRUE;
  jpeg_start_decompress(&decoder.jpeg);
  while (decoder.jpeg.output_scanline < decoder.jpeg.output_height) {
    JSAMPROW row = pixels + stride * decoder.jpeg.output_scanline;
    jpeg_read_scanlines(&decoder.jpeg, &row, 1);
  }
  jpeg_finish_decompress(&decoder.jpeg);
  return true;
}

[[noreturn]] void fail_decoding(const Decoder& decoder, const std::string& where) {
  check(!decoder.truncated, ErrorCode::kMalformed,
        "'{}' is a truncated JPEG: the data end inside the picture; copy it again", where);
  fail(ErrorCode::kMalformed, "'{}' is a damaged JPEG: {}", where, decoder.message);
}

// a * b / 255 rounded to nearest, for 0 <= a, b <= 255: exact for all of them.
int scale_255(int a, int b) {
  const int product = a * b + 128;
  return (product + (product >> 8)) >> 8;
}

// Adobe stores CMYK inverted: with c' = 255 - c and so on, red = k' * c' / 255 where the stored values are c'
// and k'.
Image rgb_of_inverted_cmyk(const Image& cmyk) {
  Image rgb{cmyk.height, cmyk.width, 3, {}};
  rgb.pixels.resize(cmyk.pixels.size() / 4 * 3);
  for (size_t i = 0, o = 0; i < cmyk.pixels.size(); i += 4, o += 3)
    for (size_t c = 0; c < 3; ++c) {
      const int key = cmyk.pixels[i + 3];
      rgb.pixels[o + c] = static_cast<uint8_t>(key - scale_255(255 - cmyk.pixels[i + c], key));
    }
  return rgb;
}

}  // namespace

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& where) {
  Decoder decoder;
  decoder.jpeg.err = jpeg_std_error(&decoder.errors);
  decoder.errors.error_exit = give_up;
  decoder.errors.emit_message = note_message;
  decoder.jpeg.client_data = &decoder;
  if (!read_header(decoder, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()))
    fail_decoding(decoder, where);
  jpeg_decompress_struct& jpeg = decoder.jpeg;
  check_image_size(jpeg.image_height, jpeg.image_width, where);
  check(jpeg.num_components == 1 || jpeg.num_components == 3 || jpeg.num_components == 4,
        ErrorCode::kUnsupported, "'{}' is a JPEG of {} colour components; 1, 3 and 4 are read", where,
        jpeg.num_components);
  jpeg.out_color_space = jpeg.num_components == 1   ? JCS_GRAYSCALE
                         : jpeg.num_components == 3 ? JCS_RGB
                                                    : JCS_CMYK;
  Image image{jpeg.image_height, jpeg.image_width, jpeg.num_components, {}};
  const size_t stride = static_cast<size_t>(image.width * image.channels);
  image.pixels.resize(stride * static_cast<size_t>(image.height));
  if (!decode_rows(decoder, image.pixels.data(), stride)) fail_decoding(decoder, where);
  return image.channels == 4 ? rgb_of_inverted_cmyk(image) : image;
}

}  // namespace precis::data
