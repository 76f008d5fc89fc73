// Copies an n-dimensional block between two strided views of memory: the one kernel behind Transpose, Slice,
// Split, Pad, Concat, Expand and changes of layout for any element size. Plans prepare it once; running
// allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace precis::runtime {

struct StridedCopy {
  int64_t element_bytes = 4;  // 1, 2, 4 or 8
  // Per dimension: extent, and steps in elements in both views (source steps may be 0 or negative).
  std::vector<int64_t> extents, source_strides, destination_strides;
  int64_t source_offset = 0, destination_offset = 0;  // elements

  // Drops and merges dimensions and orders them for the destination's memory order.
  void simplify();
  void run(const std::byte* source, std::byte* destination) const;
};

}  // namespace precis::runtime
