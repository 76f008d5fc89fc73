// Which scale each element of a blocked tensor has: see Encoding::block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "precis/core/encoding.h"

namespace precis::quant {

// Walks a tensor of `shape` row-major. Error(kMalformed) when the encoding's blocks do not fit the shape. The
// shape must outlive the walker.
class BlockWalker {
 public:
  BlockWalker(const Encoding& e, const Shape& shape);
  size_t scale_index() const { return static_cast<size_t>(index_); }
  void next();

 private:
  const Shape& shape_;
  std::vector<int64_t> position_, block_, grid_stride_;
  int64_t index_ = 0;
};

}  // namespace precis::quant
