// Compressed pictures -> 8-bit pixels. The form is found by content, never by the file name's ending.
// Decoding follows what Python pipelines (Pillow) feed: JPEG with the accurate integer DCT and smooth chroma,
// CMYK turned into RGB, EXIF orientation ignored; PNG without gamma, 16 bits cut to 8, palettes expanded,
// transparency dropped.
#pragma once

#include <span>
#include <string>

#include "precis/data/preprocess.h"

namespace precis::data {

enum class ImageForm { kUnknown, kJpeg, kPng, kGif, kWebp, kBmp, kTiff, kPnm, kHeif };
ImageForm image_form(std::span<const std::byte> prefix);  // 16 bytes are enough
const char* image_form_name(ImageForm form);

// One channel for gray pictures, three (RGB) for all others. `where` names the file in messages.
// Errors: kMalformed for truncated or damaged data (naming what the decoder said), kLimit above
// limits().max_image_pixels, kUnsupported for forms that are recognised and not read (GIF, WebP, BMP, TIFF,
// PNM, HEIF).
Image decode_image(std::span<const std::byte> bytes, const std::string& where);
Image decode_jpeg(std::span<const std::byte> bytes, const std::string& where);
Image decode_png(std::span<const std::byte> bytes, const std::string& where);

// kLimit when a picture of this size is larger than allowed, kMalformed when it has no pixels.
void check_image_size(int64_t height, int64_t width, const std::string& where);

}  // namespace precis::data
