// Positions, their blocks, and the row-major index of the block.
#include "precis/quant/block_walker.h"

#include "precis/core/check.h"

namespace precis::quant {

BlockWalker::BlockWalker(const Encoding& e, const Shape& shape)
    : shape_(shape), position_(shape.dims().size(), 0), block_(e.block) {
  if (e.per_tensor()) return;
  check(block_.size() == shape.dims().size(), ErrorCode::kMalformed,
        "an encoding with {} block lengths does not fit shape {}", block_.size(), shape.str());
  grid_stride_.assign(block_.size(), 1);
  int64_t blocks = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    const size_t a = static_cast<size_t>(i);
    check(block_[a] > 0, ErrorCode::kMalformed, "an encoding has block length {} on axis {}", block_[a], i);
    grid_stride_[a] = blocks;
    blocks = checked_mul(blocks, ceil_div(shape[i], block_[a]));
  }
  check(blocks <= static_cast<int64_t>(e.scales.size()) || shape.numel() == 0, ErrorCode::kMalformed,
        "an encoding has {} scales for {} blocks of shape {}", e.scales.size(), blocks, shape.str());
}

void BlockWalker::next() {
  if (block_.empty()) return;
  for (int i = shape_.rank() - 1; i >= 0; --i) {
    const size_t a = static_cast<size_t>(i);
    if (++position_[a] < shape_[i]) break;
    position_[a] = 0;
  }
  index_ = 0;
  for (size_t a = 0; a < block_.size(); ++a) index_ += position_[a] / block_[a] * grid_stride_[a];
}

}  // namespace precis::quant
