// Walk: several tensors stepped through together over one index space, each with its own strides (0 =
// broadcast, negative = reversed), so that a kernel sees only rows. Neighbouring dimensions that every
// operand steps through evenly are merged, so most walks have one or two dimensions and long rows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "precis/core/shape.h"

namespace precis::kernels::reference {

template <size_t N>
struct Walk {
  using Offsets = std::array<int64_t, N>;
  std::vector<int64_t> dims;     // merged, outermost first; empty for a single element
  std::vector<Offsets> strides;  // per dimension, per operand, in elements
  bool empty = false;            // some dimension is 0
};

// dims: the common index space; strides[k]: one stride per dimension for operand k.
template <size_t N>
Walk<N> make_walk(std::span<const int64_t> dims, const std::array<std::span<const int64_t>, N>& strides) {
  Walk<N> walk;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0) walk.empty = true;
    if (dims[i] == 1) continue;
    typename Walk<N>::Offsets step;
    for (size_t k = 0; k < N; ++k) step[k] = strides[k][i];
    bool merge = !walk.dims.empty();
    for (size_t k = 0; merge && k < N; ++k) merge = walk.strides.back()[k] == step[k] * dims[i];
    if (merge) {
      walk.dims.back() *= dims[i];
      walk.strides.back() = step;
    } else {
      walk.dims.push_back(dims[i]);
      walk.strides.push_back(step);
    }
  }
  return walk;
}

// Calls f(offsets, n, steps) for each row in row-major order: element j of operand k is at offsets[k] + j *
// steps[k].
template <size_t N, typename F>
void for_each_row(const Walk<N>& walk, F&& f) {
  using Offsets = typename Walk<N>::Offsets;
  if (walk.empty) return;
  Offsets at{};
  if (walk.dims.empty()) return f(at, int64_t{1}, Offsets{});
  const size_t outer = walk.dims.size() - 1;
  std::vector<int64_t> position(outer, 0);
  while (true) {
    f(at, walk.dims.back(), walk.strides.back());
    size_t d = outer;
    while (d > 0) {
      --d;
      for (size_t k = 0; k < N; ++k) at[k] += walk.strides[d][k];
      if (++position[d] < walk.dims[d]) break;
      for (size_t k = 0; k < N; ++k) at[k] -= walk.strides[d][k] * walk.dims[d];
      position[d] = 0;
      if (d == 0) return;
    }
    if (outer == 0) return;
  }
}

// Strides that read a row-major tensor of shape `from` as if broadcast to `to` (NumPy rules; `from` must
// fit).
std::vector<int64_t> broadcast_strides(const Shape& from, const Shape& to);

// The walk of operands broadcast to `out`, whose own row-major strides come last.
Walk<2> broadcast_walk(const Shape& a, const Shape& out);
Walk<3> broadcast_walk(const Shape& a, const Shape& b, const Shape& out);
Walk<4> broadcast_walk(const Shape& a, const Shape& b, const Shape& c, const Shape& out);

}  // namespace precis::kernels::reference
