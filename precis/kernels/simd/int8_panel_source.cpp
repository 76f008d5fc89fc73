// Finds the pixels of a block for the panel kernels: in the input itself, or in a padded copy of its lines.
#include <algorithm>

#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

// Addresses of the block's pixels, line after line.
const std::byte** list_pixels(const PanelPlan& p, const PixelBlock& block, const std::byte* first,
                              const std::byte** list) {
  for (int64_t l = 0; l < block.lines; ++l)
    for (int64_t c = 0; c < block.columns; ++c) *list++ = first + l * p.line_stride + c * p.pixel_stride;
  return list;
}

int64_t find_in_place(const PanelPlan& p, const std::byte* x, int64_t first, int64_t last,
                      const std::byte** list) {
  const ConvShape& s = p.shape;
  last = std::min(last, first + p.pixels);
  for (int64_t at = first; at < last;) {
    const PixelBlock b = next_block(s, p.band, at, last);
    const int64_t line = (b.n * s.in[0] + b.z * s.stride[0]) * s.in[1] + b.y * s.stride[1];
    list = list_pixels(p, b, x + (line * s.in[2] + b.x * s.stride[2]) * s.in_channels, list);
    at += b.pixels();
  }
  return last - first;
}

}  // namespace

int64_t find_pixels(const PanelPlan& p, const PanelData& d, int64_t first, int64_t last, std::byte* scratch) {
  auto** list = reinterpret_cast<const std::byte**>(scratch);
  if (p.in_place) return find_in_place(p, d.x, first, last, list);
  std::byte* band = scratch + p.band_offset;
  const PixelBlock block = next_block(p.shape, p.band, first, last);
  fill_band(p.shape, p.band, {d.x, d.x_type, d.x_zero_point}, block, band);
  list_pixels(p, block, band, list);
  return block.pixels();
}

}  // namespace precis::kernels::simd
