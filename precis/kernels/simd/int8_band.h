// Where fast convolutions read their input: a padded copy of the lines that a block of output pixels needs (a
// "band"). Padding holds the zero point and s8 codes become u8 (sign bit flipped), so kernels read every tap
// of every pixel in the same way. No instruction set is needed here; see int8.h for the shared records.
#pragma once

#include "precis/kernels/simd/int8.h"

namespace precis::kernels::simd {

// Output pixels of one (batch, depth) plane: `lines` x `columns` from (y, x) on.
struct PixelBlock {
  int64_t n = 0, z = 0, y = 0, x = 0, lines = 1, columns = 1;
  int64_t pixels() const { return lines * columns; }
};

// Lines are cut into `phases` (1, or the stride along x): [kernel[0]][lines][phases][pixels of a
// phase][channels]. With the stride as phases, a tap reads neighbouring bytes for neighbouring output pixels,
// whatever the stride.
struct BandPlan {
  int64_t phases = 1;
  int64_t lines = 1, columns = 1;                              // of the largest block
  int64_t phase_stride = 0, line_stride = 0, slab_stride = 0;  // bytes
  int64_t bytes = 0;                                           // of the largest band

  // Where tap (a, b, c) of the block's first pixel lies.
  int64_t tap(const ConvShape& s, int64_t a, int64_t b, int64_t c) const;
  int64_t pixel_stride(const ConvShape& s) const { return (phases == 1 ? s.stride[2] : 1) * s.in_channels; }
};

// Blocks whose band takes about `budget` bytes and that have at most `pixels` pixels.
BandPlan plan_band(const ConvShape& shape, int64_t phases, int64_t budget, int64_t pixels);

// The longest block that starts at pixel `first`, ends before `last` and fits the plan.
PixelBlock next_block(const ConvShape& shape, const BandPlan& plan, int64_t first, int64_t last);

struct BandSource {
  const std::byte* x = nullptr;  // codes [batch, spatial, in_channels]
  CodeType type = CodeType::kU8;
  int32_t zero_point = 0;
};
void fill_band(const ConvShape& shape, const BandPlan& plan, const BandSource& source,
               const PixelBlock& block, std::byte* band);

// A 1x1 convolution without stride and padding as one long line of pixels: blocks then need not end with a
// line.
ConvShape as_one_line(const ConvShape& shape);

}  // namespace precis::kernels::simd
