// Preprocessing files; what was read prints as a text that gives the same again, and works on a picture.
#include "precis/data/preprocess.h"
#include "fuzz/targets/targets.h"

namespace precis::fuzz {

void preprocess_target(Bytes input) {
  const SmallLimits small;
  data::Preprocess p;
  if (!accepts([&] { p = data::preprocess_from_text(text_of(input), "p.yaml"); })) return;
  const std::string printed = data::preprocess_text(p);
  std::string again;
  promise(accepts([&] { again = data::preprocess_text(data::preprocess_from_text(printed, "printed")); }),
          "what preprocess_text prints can be read: " + printed);
  promise(printed == again, "preprocessing survives printing: " + printed);
  data::preprocess_summary(p);
  if (std::max({p.resize_height, p.resize_width, p.crop_height, p.crop_width}) > 64) return;
  data::Image image{5, 7, 3, std::vector<uint8_t>(5 * 7 * 3, 200)};
  accepts([&] { data::apply_preprocess(image, p); });
}

}  // namespace precis::fuzz
