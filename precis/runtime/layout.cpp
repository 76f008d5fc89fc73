// Sizes and equalities of physical layouts.
#include "precis/runtime/layout.h"

#include "precis/core/tensor.h"

namespace precis::runtime {
namespace {

int64_t block_of(Layout layout) {
  if (layout == Layout::kBlocked8) return 8;
  if (layout == Layout::kBlocked16) return 16;
  return 1;
}

}  // namespace

const char* layout_name(Layout layout) {
  switch (layout) {
    case Layout::kPlain:
      return "plain";
    case Layout::kChannelsLast:
      return "nhwc";
    case Layout::kBlocked8:
      return "nChw8c";
    case Layout::kBlocked16:
      return "nChw16c";
  }
  return "?";
}

int64_t padded_numel(const Shape& shape, Layout layout) {
  const int64_t block = block_of(layout);
  if (block == 1) return shape.numel();
  Shape padded = shape;
  padded[1] = round_up(padded[1], block);
  return padded.numel();
}

int64_t layout_bytes(DType dtype, const Shape& shape, Layout layout) {
  return dense_bytes(dtype, padded_numel(shape, layout));
}

bool same_in_memory(const Shape& shape, Layout a, Layout b) {
  if (a == b) return true;
  if (!layout_allowed(shape, a) || !layout_allowed(shape, b)) return false;
  if (shape[1] % block_of(a) != 0 || shape[1] % block_of(b) != 0) return false;
  if (shape.inner(2) == 1) return true;
  // One block (or one channel): the channel index runs innermost in both, or not at all.
  const bool innermost_a = a == Layout::kChannelsLast || shape[1] == block_of(a);
  const bool innermost_b = b == Layout::kChannelsLast || shape[1] == block_of(b);
  if (shape[1] == 1) return true;
  return a != Layout::kPlain && b != Layout::kPlain && innermost_a && innermost_b;
}

bool layout_allowed(const Shape& shape, Layout layout) {
  return layout == Layout::kPlain || (shape.rank() >= 3 && shape.rank() <= 5);
}

}  // namespace precis::runtime
