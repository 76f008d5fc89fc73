// Recognising picture files.
#include "precis/data/image_file.h"

#include <string_view>

#include "precis/core/check.h"
#include "precis/core/limits.h"

namespace precis::data {

using namespace std::string_view_literals;

ImageForm image_form(std::span<const std::byte> prefix) {
  const std::string_view text(reinterpret_cast<const char*>(prefix.data()), prefix.size());
  if (text.starts_with("\xff\xd8\xff"sv)) return ImageForm::kJpeg;
  if (text.starts_with("\x89PNG\r\n\x1a\n"sv)) return ImageForm::kPng;
  if (text.starts_with("GIF87a"sv) || text.starts_with("GIF89a"sv)) return ImageForm::kGif;
  if (text.starts_with("RIFF"sv) && text.substr(0, 12).ends_with("WEBP"sv)) return ImageForm::kWebp;
  if (text.starts_with("BM"sv) && text.size() >= 14 && text.substr(6, 4) == "\0\0\0\0"sv)
    return ImageForm::kBmp;
  if (text.starts_with("II*\0"sv) || text.starts_with("MM\0*"sv)) return ImageForm::kTiff;
  if (text.size() > 2 && text[0] == 'P' && text[1] >= '1' && text[1] <= '6' &&
      (text[2] == '\n' || text[2] == ' '))
    return ImageForm::kPnm;
  if (text.size() >= 12 && text.substr(4, 4) == "ftyp"sv) return ImageForm::kHeif;
  return ImageForm::kUnknown;
}

const char* image_form_name(ImageForm form) {
  switch (form) {
    case ImageForm::kJpeg:
      return "JPEG";
    case ImageForm::kPng:
      return "PNG";
    case ImageForm::kGif:
      return "GIF";
    case ImageForm::kWebp:
      return "WebP";
    case ImageForm::kBmp:
      return "BMP";
    case ImageForm::kTiff:
      return "TIFF";
    case ImageForm::kPnm:
      return "PNM";
    case ImageForm::kHeif:
      return "HEIF/AVIF";
    case ImageForm::kUnknown:
      break;
  }
  return "unknown";
}

Image decode_image(std::span<const std::byte> bytes, const std::string& where) {
  check(!bytes.empty(), ErrorCode::kMalformed, "'{}' is empty (0 bytes); expected a JPEG or PNG picture",
        where);
  const ImageForm form = image_form(bytes);
  if (form == ImageForm::kJpeg) return decode_jpeg(bytes, where);
  if (form == ImageForm::kPng) return decode_png(bytes, where);
  check(form == ImageForm::kUnknown, ErrorCode::kUnsupported,
        "'{}' is a {} picture; JPEG and PNG are read: convert it", where, image_form_name(form));
  fail(ErrorCode::kMalformed, "'{}' is no picture that is known; expected JPEG or PNG content", where);
}

void check_image_size(int64_t height, int64_t width, const std::string& where) {
  check(height > 0 && width > 0, ErrorCode::kMalformed, "'{}' declares a picture of {} x {} pixels", where,
        width, height);
  check(height <= limits().max_image_pixels / width, ErrorCode::kLimit,
        "'{}' declares a picture of {} x {} pixels; the limit is {} pixels", where, width, height,
        limits().max_image_pixels);
}

}  // namespace precis::data
