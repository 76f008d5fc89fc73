// Which scale each element of a blocked tensor has: see Encoding::block.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "precis/core/check.h"
#include "precis/core/checked.h"
#include "precis/core/encoding.h"

namespace precis::quant {

// Calls f(begin, length, scale index) for the stretches of a row-major tensor whose elements share a scale.
// Error(kMalformed) when the encoding's blocks do not fit the shape.
template <typename F>
void for_each_stretch(const Encoding& e, const Shape& shape, const F& f) {
  const std::vector<int64_t>& block = e.block;
  if (e.per_tensor()) return f(0, shape.numel(), 0);
  check(block.size() == shape.dims().size(), ErrorCode::kMalformed,
        "an encoding with {} block lengths does not fit shape {}", block.size(), shape.str());
  std::vector<int64_t> grid_stride(block.size(), 1);
  int64_t blocks = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    const size_t a = static_cast<size_t>(i);
    check(block[a] > 0, ErrorCode::kMalformed, "an encoding has block length {} on axis {}", block[a], i);
    grid_stride[a] = blocks;
    blocks = checked_mul(blocks, ceil_div(shape[i], block[a]));
  }
  check(blocks <= static_cast<int64_t>(e.scales.size()) || shape.numel() == 0, ErrorCode::kMalformed,
        "an encoding has {} scales for {} blocks of shape {}", e.scales.size(), blocks, shape.str());
  // The axes after `last` lie in one block: they are walked at once, and the last one block by block.
  int last = shape.rank() - 1;
  int64_t inner = 1;
  while (last > 0 && block[static_cast<size_t>(last)] >= shape[last]) inner *= shape[last--];
  std::vector<int64_t> position(static_cast<size_t>(last) + 1, 0);
  for (int64_t at = 0; at < shape.numel();) {
    int64_t scale = 0;
    for (size_t a = 0; a < position.size(); ++a) scale += position[a] / block[a] * grid_stride[a];
    const int64_t steps = std::min(block[position.size() - 1], shape[last] - position.back());
    f(at, steps * inner, static_cast<size_t>(scale));
    at += steps * inner;
    position.back() += steps;
    for (size_t a = position.size() - 1; a > 0 && position[a] >= shape[static_cast<int>(a)]; --a) {
      position[a] = 0;
      ++position[a - 1];
    }
  }
}

// The same element by element: f(i, scale index).
template <typename F>
void for_each_scaled(const Encoding& e, const Shape& shape, const F& f) {
  for_each_stretch(e, shape, [&](int64_t begin, int64_t length, size_t scale) {
    for (int64_t i = begin; i < begin + length; ++i) f(i, scale);
  });
}

}  // namespace precis::quant
