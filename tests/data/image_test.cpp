// Decoding pictures: JPEG and PNG made here, broken ones, and folders of them.
#include "precis/data/image_file.h"

#include <png.h>

#include <cmath>
#include <filesystem>

#include "precis/core/limits.h"
#include "tests/data/data_test_support.h"

namespace precis::data {
namespace {

using namespace test;
using ::testing::ElementsAre;

Image decode(const Bytes& bytes) { return decode_image(as_bytes(bytes), "p.jpg"); }

void refused(const Bytes& bytes, const std::string& fragment, ErrorCode code = ErrorCode::kMalformed) {
  expect_error([&] { decode(bytes); }, code, {"p.jpg", fragment});
}

// A chunk of a PNG file with its CRC.
Bytes chunk(const std::string& type, const Bytes& data) {
  return be32(data.size()) + type + data + be32(crc_of(type + data));
}

Bytes png_header(uint32_t width, uint32_t height, char depth, char color, char interlace = 0) {
  return Bytes("\x89PNG\r\n\x1a\n", 8) +
         chunk("IHDR", be32(width) + be32(height) + Bytes{depth, color, 0, 0, interlace});
}

// zlib data: gzip's deflate stream with a zlib head and Adler-32, through stored blocks.
Bytes zlib_stored(const Bytes& data) {
  uint32_t a = 1, b = 0;
  for (unsigned char c : data) {
    a = (a + c) % 65521;
    b = (b + a) % 65521;
  }
  return Bytes("\x78\x01\x01", 3) + le16(data.size()) + le16(~data.size()) + data + be32((b << 16) | a);
}

double mean_difference(const Image& a, const Image& b) {
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(int(a.pixels[i]) - int(b.pixels[i]));
  return sum / static_cast<double>(a.pixels.size());
}

TEST(ImageFile, KnowsFormsByContent) {
  EXPECT_EQ(image_form(as_bytes(jpeg(test_picture(8, 8, 3)))), ImageForm::kJpeg);
  EXPECT_EQ(image_form(as_bytes(png(test_picture(8, 8, 3)))), ImageForm::kPng);
  EXPECT_EQ(image_form(as_bytes("RIFF\x10\x10\x10\x10WEBPVP8 ")), ImageForm::kWebp);
  EXPECT_EQ(image_form(as_bytes("hello")), ImageForm::kUnknown);
}

TEST(ImageFile, DecodesJpegInGrayAndColour) {
  Image smooth{16, 24, 3, {}};
  for (int i = 0; i < 16 * 24 * 3; ++i) smooth.pixels.push_back(static_cast<uint8_t>(i / 6));
  const Image back = decode(jpeg(smooth, 98));
  EXPECT_EQ(back.height, 16);
  EXPECT_EQ(back.width, 24);
  EXPECT_EQ(back.channels, 3);
  EXPECT_LT(mean_difference(smooth, back), 2.0);
  EXPECT_EQ(decode(jpeg(test_picture(8, 8, 1))).channels, 1);
}

// libjpeg writes CMYK as it is given; by Adobe's convention the stored values are inverted, so 255 means no
// ink.
TEST(ImageFile, H04Cmyk) {
  Image cmyk{8, 8, 4, {}};
  for (int i = 0; i < 64; ++i) cmyk.pixels.insert(cmyk.pixels.end(), {255, 255, 255, 255});
  const Image white = decode(jpeg(cmyk, 100));
  EXPECT_EQ(white.channels, 3);
  EXPECT_THAT(white.pixels, ::testing::Each(::testing::Ge(254)));
  for (auto& p : cmyk.pixels) p = 0;
  EXPECT_THAT(decode(jpeg(cmyk, 100)).pixels, ::testing::Each(::testing::Le(1)));
}

TEST(ImageFile, DecodesPngExactly) {
  for (int64_t channels : {1, 3}) {
    const Image image = test_picture(9, 7, channels);
    const Image back = decode(png(image));
    EXPECT_EQ(back.channels, channels);
    EXPECT_EQ(back.pixels, image.pixels);
  }
}

TEST(ImageFile, DropsTransparency) {
  const Image rgba = test_picture(4, 5, 4);
  const Image back = decode(png(rgba));
  ASSERT_EQ(back.channels, 3);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(back.pixels[3 * i + 1], rgba.pixels[4 * i + 1]);
}

TEST(ImageFile, H04SixteenBitPng) {
  // One row of two gray pixels 0x1234, 0xffee: the high bytes count.
  const Bytes file = png_header(2, 1, 16, 0) + chunk("IDAT", zlib_stored(Bytes("\0\x12\x34\xff\xee", 5))) +
                     chunk("IEND", "");
  EXPECT_THAT(decode(file).pixels, ElementsAre(0x12, 0xff));
}

TEST(ImageFile, H04PalettePng) {
  const Bytes file = png_header(3, 1, 2, 3) +
                     chunk("PLTE", Bytes("\x01\x02\x03\x10\x20\x30\xff\xfe\xfd", 9)) +
                     chunk("tRNS", Bytes("\x00\xff", 2)) + chunk("IDAT", zlib_stored(Bytes("\0\x18", 2))) +
                     chunk("IEND", "");
  EXPECT_THAT(decode(file).pixels, ElementsAre(1, 2, 3, 16, 32, 48, 255, 254, 253));  // indices 0 1 2
}

TEST(ImageFile, SmallGrayDepthsSpanTheRange) {
  const Bytes file =
      png_header(4, 1, 2, 0) + chunk("IDAT", zlib_stored(Bytes("\0\x1b", 2))) + chunk("IEND", "");
  EXPECT_THAT(decode(file).pixels, ElementsAre(0, 85, 170, 255));
}

TEST(ImageFile, H04InterlacedPng) {
  // Adam7, 2 x 2 gray: pass 1 holds (0,0), pass 6 (1,0), pass 7 row 1.
  const Bytes rows = Bytes("\0\x0a", 2) + Bytes("\0\x14", 2) + Bytes("\0\x1e\x28", 3);
  const Bytes file = png_header(2, 2, 8, 0, 1) + chunk("IDAT", zlib_stored(rows)) + chunk("IEND", "");
  EXPECT_THAT(decode(file).pixels, ElementsAre(10, 20, 30, 40));
}

TEST(ImageFile, H04AnimatedPngGivesItsDefaultPicture) {
  const Bytes file = png_header(1, 1, 8, 0) + chunk("acTL", be32(2) + be32(0)) +
                     chunk("fcTL", be32(0) + be32(1) + be32(1) + be32(0) + be32(0) + Bytes(6, '\0')) +
                     chunk("IDAT", zlib_stored(Bytes("\0\x2a", 2))) +
                     chunk("fdAT", be32(1) + zlib_stored(Bytes("\0\x63", 2))) + chunk("IEND", "");
  EXPECT_THAT(decode(file).pixels, ElementsAre(42));
}

TEST(ImageFile, H04WrongExtensionIsReadByContent) {
  const TempFolder folder;
  folder.write("a.jpg", png(test_picture(4, 4, 3)));
  EXPECT_EQ(open(folder.path(), {input("x", {1, 3, 4, 4})})->get(0).inputs[0].shape(), (Shape{1, 3, 4, 4}));
}

// EXIF orientation is ignored, as Pillow's decoding does: pixels come as they are stored.
TEST(ImageFile, H04ExifRotationIsIgnored) {
  const Bytes plain = jpeg(test_picture(8, 16, 3));
  const Bytes tiff =
      "II*" + Bytes(1, '\0') + le32(8) + le16(1) + le16(0x112) + le16(3) + le32(1) + le32(6) + le32(0);
  const Bytes exif =
      Bytes("\xff\xe1", 2) + Bytes{0, static_cast<char>(tiff.size() + 8)} + Bytes("Exif\0\0", 6) + tiff;
  const Image rotated = decode(plain.substr(0, 2) + exif + plain.substr(2));
  EXPECT_EQ(rotated.width, 16);
  EXPECT_EQ(rotated.pixels, decode(plain).pixels);
}

TEST(ImageMalformed, H04ZeroBytes) { refused("", "0 bytes"); }
TEST(ImageMalformed, H04HugeJpegHeader) {
  Bytes file = jpeg(test_picture(8, 8, 3));
  const size_t frame = file.find("\xff\xc0");
  file.replace(frame + 5, 4, Bytes("\xff\xdc\xff\xdc", 4));
  refused(file, "65500 x 65500 pixels", ErrorCode::kLimit);
}
TEST(ImageMalformed, H04HugePngHeader) {
  refused(png_header(65500, 65500, 8, 2) + chunk("IDAT", "") + chunk("IEND", ""), "65500 x 65500 pixels",
          ErrorCode::kLimit);
  refused(png_header(1u << 30, 1, 8, 2), "damaged PNG");
}
TEST(ImageMalformed, H04TruncatedJpeg) {
  const Bytes file = jpeg(test_picture(64, 64, 3));
  refused(file.substr(0, file.size() / 2), "truncated JPEG");
  refused(file.substr(0, 30), "JPEG");
}
TEST(ImageMalformed, H04JpegEveryTruncationIsAnError) {
  const Bytes file = jpeg(test_picture(16, 16, 3), 60);
  for (size_t n = 3; n + 2 < file.size(); n += 7)
    expect_error([&] { decode(file.substr(0, n)); }, ErrorCode::kMalformed, {"p.jpg"});
}
TEST(ImageMalformed, H04TruncatedPng) {
  const Bytes file = png(test_picture(32, 32, 3));
  for (size_t n = 8; n < file.size(); n += 13) refused(file.substr(0, n), "truncated PNG");
}
TEST(ImageMalformed, PngWithDamagedChunk) {
  Bytes file = png(test_picture(32, 32, 3));
  file[file.find("IDAT") + 10] = static_cast<char>(file[file.find("IDAT") + 10] ^ 1);
  refused(file, "damaged PNG");
}
TEST(ImageMalformed, JpegOfGarbage) { refused("\xff\xd8\xff" + Bytes(200, '\x42'), "JPEG"); }
TEST(ImageMalformed, H04AnimatedGifAndOthersAreNamed) {
  refused("GIF89a" + Bytes(50, '\0'), "GIF picture; JPEG and PNG are read", ErrorCode::kUnsupported);
  refused("RIFF\x20\x10\x10\x10WEBPVP8L" + Bytes(50, '\0'), "WebP", ErrorCode::kUnsupported);
  refused("BM" + le32(100) + le32(0) + le32(54) + Bytes(50, '\0'), "BMP", ErrorCode::kUnsupported);
  refused("P6\n2 2\n255\n" + Bytes(12, '\0'), "PNM", ErrorCode::kUnsupported);
  refused(Bytes("II*\0", 4) + Bytes(50, '\0'), "TIFF", ErrorCode::kUnsupported);
}
TEST(ImageMalformed, TextNamedAsPicture) { refused("this is no picture at all", "no picture that is known"); }

}  // namespace
}  // namespace precis::data
