// Pictures, and what preprocessing makes of them.
#include "fuzz/targets/targets.h"
#include "precis/data/image_file.h"

namespace precis::fuzz {

void image_target(Bytes input) {
  const SmallLimits small;
  data::Image image;
  if (!accepts([&] { image = data::decode_image(input, "picture"); })) return;
  promise(image.channels == 1 || image.channels == 3, "a picture has 1 or 3 channels");
  promise(static_cast<int64_t>(image.pixels.size()) == image.height * image.width * image.channels,
          "all pixels are there");
  if (image.height * image.width > 1 << 14) return;
  data::Preprocess p;
  p.resize = data::Preprocess::ResizeMode::kShortSide;
  p.resize_height = 8;
  p.crop_height = p.crop_width = 4;
  accepts([&] { data::apply_preprocess(image, p); });
}

}  // namespace precis::fuzz
