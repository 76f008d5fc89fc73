// Resampling of 8-bit pictures, bit for bit what Pillow's Image.resize gives: models are trained and judged
// on pictures that went through it. Source: the filter definitions (triangle; Keys 1981 cubic with a = -0.5)
// and the fixed-point scheme described in resize.cpp; equality with Pillow is tested on golden pictures.
#pragma once

#include <cstdint>

#include "precis/data/preprocess.h"

namespace precis::data {

enum class Antialias { kNo, kYes };

// `image` resampled to height x width (both >= 1). Antialias widens the filter when shrinking, as Pillow
// always does; without it the filter keeps its width and pixels between its taps are skipped. kNearest
// ignores it.
Image resize_image(const Image& image, int64_t height, int64_t width, Preprocess::Filter filter,
                   Antialias antialias);

// ITU-R 601 luma as Pillow's convert("L"): (19595 R + 38470 G + 7471 B + 2^15) >> 16. Gray pictures are
// returned as they are.
Image to_gray(const Image& image);

}  // namespace precis::data
