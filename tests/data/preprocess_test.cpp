// Resize against golden pictures made with Pillow 12.3, arithmetic against NumPy's float32, presets and YAML
// files.
#include "precis/data/preprocess.h"

#include "precis/data/resize.h"
#include "tests/data/data_test_support.h"

namespace precis::data {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using Filter = Preprocess::Filter;

uint64_t fnv1a(const std::vector<uint8_t>& bytes) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (uint8_t b : bytes) hash = (hash ^ b) * 0x100000001b3ull;
  return hash;
}

Image resized(int64_t h, int64_t w, int64_t c, int64_t to_h, int64_t to_w, Filter filter) {
  return resize_image(test_picture(h, w, c), to_h, to_w, filter, Antialias::kYes);
}

// Image.fromarray(picture).resize((4, 3), ...) of a 13 x 17 RGB picture.
TEST(Resize, ShrinksAsPillow) {
  EXPECT_THAT(resized(13, 17, 3, 3, 4, Filter::kBilinear).pixels,
              ElementsAreArray({133, 124, 124, 135, 113, 129, 135, 117, 114, 128, 129, 115,
                                126, 129, 145, 116, 116, 144, 118, 128, 123, 126, 130, 112,
                                128, 136, 134, 132, 115, 130, 125, 131, 131, 122, 125, 104}));
  EXPECT_THAT(resized(13, 17, 3, 3, 4, Filter::kBicubic).pixels,
              ElementsAreArray({134, 126, 121, 136, 112, 131, 135, 116, 112, 128, 130, 115,
                                125, 129, 148, 114, 115, 146, 116, 130, 124, 126, 132, 111,
                                128, 138, 132, 132, 112, 130, 127, 132, 131, 121, 125, 102}));
  EXPECT_THAT(resized(13, 17, 3, 3, 4, Filter::kNearest).pixels,
              ElementsAreArray({244, 89, 190, 72,  173, 18,  156, 1,   102, 240, 85,  186,
                                240, 85, 186, 20,  121, 222, 56,  157, 2,   92,  193, 38,
                                236, 81, 182, 224, 69,  170, 212, 57,  158, 200, 45,  146}));
}

// The same of a 3 x 4 gray picture to 5 x 7.
TEST(Resize, EnlargesAsPillow) {
  EXPECT_THAT(resized(3, 4, 1, 5, 7, Filter::kBilinear).pixels,
              ElementsAreArray({0,   21,  55,  89,  122, 156, 177, 15,  38,  75,  111, 148,
                                184, 207, 37,  63,  104, 145, 186, 227, 253, 59,  88,  133,
                                179, 214, 171, 145, 74,  104, 153, 202, 232, 134, 73}));
  EXPECT_THAT(resized(3, 4, 1, 5, 7, Filter::kBicubic).pixels,
              ElementsAreArray({0,   13,  51,  85,  117, 155, 176, 9,   28,  70,  105, 142,
                                191, 216, 31,  56,  104, 145, 186, 234, 255, 56,  84,  138,
                                195, 223, 168, 131, 70,  99,  157, 224, 243, 120, 44}));
  EXPECT_THAT(
      resized(3, 4, 1, 5, 7, Filter::kNearest).pixels,
      ElementsAreArray({0,   0,   59,  59, 118, 177, 177, 0,   0,  59, 59, 118, 177, 177, 37,  37, 109, 109,
                        181, 253, 253, 74, 74,  159, 159, 244, 73, 73, 74, 74,  159, 159, 244, 73, 73}));
}

// FNV-1a of Pillow's pixels for larger RGB pictures.
TEST(Resize, EqualsPillowOnLargerPictures) {
  EXPECT_EQ(fnv1a(resized(128, 96, 3, 64, 48, Filter::kBilinear).pixels), 0x6941486872e6b104ull);
  EXPECT_EQ(fnv1a(resized(97, 131, 3, 256, 345, Filter::kBilinear).pixels), 0x78bdd537b6bbf6a1ull);
  EXPECT_EQ(fnv1a(resized(300, 200, 3, 33, 57, Filter::kBilinear).pixels), 0xf1fbdcd282c40739ull);
  EXPECT_EQ(fnv1a(resized(128, 96, 3, 64, 48, Filter::kBicubic).pixels), 0x2811dec7d245b12aull);
  EXPECT_EQ(fnv1a(resized(97, 131, 3, 256, 345, Filter::kBicubic).pixels), 0x20100ea200a820f5ull);
  EXPECT_EQ(fnv1a(resized(300, 200, 3, 33, 57, Filter::kBicubic).pixels), 0x19522ae7e8e52457ull);
  EXPECT_EQ(fnv1a(resized(128, 96, 3, 64, 48, Filter::kNearest).pixels), 0x3f344fb2d4bb8d25ull);
  EXPECT_EQ(fnv1a(resized(97, 131, 3, 256, 345, Filter::kNearest).pixels), 0x7d08191a427f19bdull);
  EXPECT_EQ(fnv1a(resized(300, 200, 3, 33, 57, Filter::kNearest).pixels), 0x32fe8a73c1af42f5ull);
}

TEST(Resize, WithoutAntialiasSkipsPixels) {
  Image stripes{1, 8, 1, {0, 0, 200, 0, 0, 0, 0, 200}};
  EXPECT_THAT(resize_image(stripes, 1, 2, Filter::kBilinear, Antialias::kNo).pixels, ElementsAre(100, 0));
  EXPECT_THAT(resize_image(stripes, 1, 2, Filter::kBilinear, Antialias::kYes).pixels, ElementsAre(50, 43));
}

TEST(Resize, GrayIsLuma601) {
  EXPECT_THAT(to_gray(test_picture(3, 4, 3)).pixels,
              ElementsAre(82, 112, 171, 80, 119, 162, 84, 156, 127, 62, 147, 126));
}

TEST(Preprocess, UnitIsExactlyPixelOver255) {
  Image all{1, 256, 1, {}};
  for (int i = 0; i < 256; ++i) all.pixels.push_back(static_cast<uint8_t>(i));
  Preprocess p = *preprocess_preset("unit");
  p.color = Preprocess::Color::kGray;
  const std::vector<float> values = floats(apply_preprocess(all, p));
  for (int i = 0; i < 256; ++i)
    EXPECT_EQ(values[static_cast<size_t>(i)], static_cast<float>(i) / 255.0f) << i;
}

TEST(Preprocess, ImagenetCropIsNumpysFloat32) {
  Preprocess p = *preprocess_preset("imagenet-crop");
  const Image image =
      test_picture(226, 229, 3);  // odd margins: the offsets are (226-224)/2 = 1 and (229-224)/2 = 2
  const Tensor t = apply_preprocess(image, p);
  ASSERT_EQ(t.shape(), (Shape{1, 3, 224, 224}));
  const float mean[] = {0.485f, 0.456f, 0.406f}, stddev[] = {0.229f, 0.224f, 0.225f};
  const auto values = t.data<float>();
  for (size_t c = 0; c < 3; ++c)
    for (size_t y = 0; y < 224; y += 31)
      for (size_t x = 0; x < 224; x += 29) {
        const float pixel = image.pixels[((y + 1) * 229 + x + 2) * 3 + c];
        EXPECT_EQ(values[(c * 224 + y) * 224 + x], (pixel / 255.0f - mean[c]) / stddev[c]);
      }
}

TEST(Preprocess, CaffeIsBgrMinusMean) {
  Preprocess p = *preprocess_preset("imagenet-caffe");
  p.resize = Preprocess::ResizeMode::kNone;
  p.crop_height = p.crop_width = 0;
  const Image pixel{1, 1, 3, {10, 20, 30}};
  EXPECT_THAT(floats(apply_preprocess(pixel, p)), ElementsAre(30 - 103.939f, 20 - 116.779f, 10 - 123.68f));
}

TEST(Preprocess, TfMapsToMinusOneToOne) {
  Preprocess p = *preprocess_preset("tf-crop");
  p.crop_height = p.crop_width = 1;
  EXPECT_THAT(floats(apply_preprocess({1, 1, 3, {0, 255, 51}}, p)),
              ElementsAre(-1.0f, 1.0f, 51 / 127.5f - 1.0f));
}

TEST(Preprocess, LayoutsAndGrayRepeat) {
  Preprocess p = *preprocess_preset("raw");
  const Image gray{1, 2, 1, {7, 9}};
  EXPECT_THAT(floats(apply_preprocess(gray, p)), ElementsAre(7, 9, 7, 9, 7, 9));
  p.layout = Preprocess::Layout::kNhwc;
  const Tensor t = apply_preprocess(gray, p);
  EXPECT_EQ(t.shape(), (Shape{1, 1, 2, 3}));
  EXPECT_THAT(floats(t), ElementsAre(7, 7, 7, 9, 9, 9));
}

TEST(Preprocess, ShortSideKeepsTheRatioRoundedDown) {
  const Preprocess p = preprocess_from_text("resize: 256", "p.yaml");
  EXPECT_EQ(preprocessed_shape(500, 333, p), (Shape{1, 3, 384, 256}));  // 500 * 256 / 333 = 384.38
  EXPECT_EQ(preprocessed_shape(333, 500, p), (Shape{1, 3, 256, 384}));
  EXPECT_EQ(preprocessed_shape(256, 300, p), (Shape{1, 3, 256, 300}));
}

TEST(Preprocess, CropLargerThanThePictureIsAnError) {
  expect_error(
      [] { apply_preprocess(test_picture(100, 300, 3), *preprocess_preset("imagenet-crop"), "a.jpg"); },
      ErrorCode::kUsage, {"'a.jpg'", "300 x 100", "crop of 224 x 224", "resize first"});
}

TEST(Preprocess, PresetsExist) {
  for (const char* name : {"imagenet", "imagenet-crop", "imagenet-caffe", "tf", "tf-crop", "cifar10", "mnist",
                           "fashion-mnist", "unit", "raw"})
    EXPECT_TRUE(preprocess_preset(name).has_value()) << name;
  EXPECT_FALSE(preprocess_preset("imagenot").has_value());
  expect_error([] { resolve_preprocess("imagent"); }, ErrorCode::kUsage,
               {"neither a file nor a preset", "did you mean 'imagenet'"});
  EXPECT_EQ(preprocess_summary(*preprocess_preset("imagenet")),
            "imagenet: short side 256 (bilinear), centre crop 224x224, RGB, x 0.00392156863, minus [0.485 "
            "0.456 0.406], "
            "over [0.229 0.224 0.225]");
}

TEST(PreprocessFile, ReadsEveryKey) {
  const Preprocess p = preprocess_from_text(
      "# mine\nname: mine\nresize: {mode: exact, size: [48, 192], filter: bicubic, antialias: false}\ncrop: "
      "[40, 160]\n"
      "color: BGR\nlayout: nhwc\nscale: 1/255\nmean: [0.5, 0.5, 0.5]\nstd: 0.5\ndtype: f16\n",
      "p.yaml");
  EXPECT_EQ(p.name, "mine");
  EXPECT_EQ(p.resize, Preprocess::ResizeMode::kExact);
  EXPECT_EQ(p.resize_height, 48);
  EXPECT_EQ(p.resize_width, 192);
  EXPECT_EQ(p.filter, Filter::kBicubic);
  EXPECT_FALSE(p.antialias);
  EXPECT_EQ(p.crop_height, 40);
  EXPECT_EQ(p.crop_width, 160);
  EXPECT_EQ(p.color, Preprocess::Color::kBgr);
  EXPECT_EQ(p.layout, Preprocess::Layout::kNhwc);
  EXPECT_TRUE(p.layout_given);
  EXPECT_EQ(p.scale, 1.0 / 255.0);
  EXPECT_THAT(p.mean, ElementsAre(0.5, 0.5, 0.5));
  EXPECT_THAT(p.stddev, ElementsAre(0.5));
  EXPECT_EQ(p.dtype, DType::kF16);
}

TEST(PreprocessFile, ReadsJson) {
  EXPECT_EQ(preprocess_from_text(R"({"resize": {"size": 256}, "crop": 224})", "p.json").resize,
            Preprocess::ResizeMode::kShortSide);
}

void refused(const std::string& yaml, const std::vector<std::string>& fragments,
             ErrorCode code = ErrorCode::kUsage) {
  std::vector<std::string> all = fragments;
  all.push_back("p.yaml");
  expect_error([&] { preprocess_from_text(yaml, "p.yaml"); }, code, all);
}

// H15, for this kind of YAML file.
TEST(PreprocessFileMalformed, H15UnknownKey) {
  refused("crop: 224\nsdt: 0.5\n", {"line 2", "unknown key 'sdt'", "did you mean 'std'"});
  refused("resize: {size: 256, filer: bicubic}\n",
          {"line 1", "unknown key 'filer' in resize", "did you mean 'filter'"});
}
TEST(PreprocessFileMalformed, H15WrongTypes) {
  refused("crop: big\n", {"crop is 'big', expected a whole number"});
  refused("crop: [1, 2, 3]\n", {"3 values"});
  refused("crop: 0\n", {"crop is 0, expected 1 to"});
  refused("crop: 99999999999\n", {"expected 1 to"});
  refused("scale: fast\n", {"scale is 'fast', expected a finite number"});
  refused("scale: 1/0\n", {"finite"});
  refused("scale: .nan\n", {"finite"});
  refused("mean: [0.1, 0.2]\n", {"mean has 2 values"});
  refused("std: [1, 0, 1]\n", {"std is 0"});
  refused("color: gray\nmean: [1, 2, 3]\n", {"mean has 3 values, expected 1 or 1"});
  refused("color: cmyk\n", {"color is 'cmyk', expected one of: rgb, bgr, gray"});
  refused("dtype: string\n", {"dtype is 'string'"});
  refused("resize: {mode: short_side, size: [1, 2]}\n", {"mode short_side takes one"});
  refused("resize: {filter: bilinear}\n", {"resize needs a size"});
  refused("- crop\n", {"the preprocessing is a list, expected a map"});
  refused("", {"the preprocessing is nothing"});
}
TEST(PreprocessFileMalformed, NamesThatPrintingWouldCut) {
  const std::string longest(100, 'n');
  EXPECT_EQ(preprocess_from_text("name: " + longest, "p.yaml").name, longest);
  refused("name: " + longest + "n", {"name takes 101 bytes when printed, expected at most 100"});
  refused("name: " + std::string(26, '\xff'), {"name takes 104 bytes"});
}
TEST(PreprocessFileMalformed, H15DuplicateKey) {
  refused("crop: 1\ncrop: 2\n", {"line 2", "'crop' is there twice"});
}
TEST(PreprocessFileMalformed, H15AliasBomb) {
  refused("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", {"line 1", "an anchor is not accepted"});
  refused("crop: *unknown\n", {});
}
TEST(PreprocessFileMalformed, H15Depth10000) {
  refused("mean: " + std::string(10000, '[') + std::string(10000, ']'), {"nested more than 32 deep"},
          ErrorCode::kLimit);
  std::string block;
  for (int i = 0; i < 1000; ++i) block += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  refused(block, {"nested more than 32 deep"}, ErrorCode::kLimit);
}
TEST(PreprocessFileMalformed, H15TagsDocumentsAndBytes) {
  refused("crop: !!python/object 5\n", {"a tag is not accepted"});
  refused("crop: 1\n---\ncrop: 2\n", {"several YAML documents"});
  refused("crop: [1, 2\n", {"no valid YAML"});
  refused(std::string("crop: 1\0", 8), {"NUL"});
  refused("crop: 1\n#" + std::string(1u << 20, 'x'), {"the limit is"}, ErrorCode::kLimit);
}

}  // namespace
}  // namespace precis::data
