// Operators that move elements: nothing is computed, so they work on element sizes (1, 2, 4 or 8 bytes), not
// on types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "precis/kernels/reference/walk.h"

namespace precis::kernels::reference {

// dst[walk operand 1] = src[walk operand 0]: transposes, slices, concatenations, expansions. Strides and
// offsets in elements.
void copy_strided(const Walk<2>& walk, size_t element_size, const std::byte* src, std::byte* dst);

// n copies of the element at `value`.
void fill(size_t element_size, int64_t n, const std::byte* value, std::byte* dst);

// dst[i0, i1, ...] = src[sum of maps[a][ia]], or the element at `value` where any of them is negative: pads
// of every mode and nearest resizing. maps[a]: one source offset (index * stride, in elements) per index of
// output axis a.
void map_axes(std::span<const std::vector<int64_t>> maps, size_t element_size, const std::byte* src,
              const std::byte* value, std::byte* dst);

// dst[o, j, :] = src[o, indices[j], :] for src [outer, n, inner], dst [outer, count, inner]; indices in [0,
// n).
void gather(int64_t outer, int64_t n, int64_t inner, std::span<const int64_t> indices, size_t element_size,
            const std::byte* src, std::byte* dst);

// What a scatter does where elements meet; kNone keeps the last one written.
enum class Reduction : uint8_t { kNone, kAdd, kMul, kMin, kMax };

// dst[offsets[j] + i] = op(dst[...], updates[j * block + i]) for i < block, in order of j. Integers wrap; NaN
// wins in min, max.
template <typename T>
void scatter(Reduction op, std::span<const int64_t> offsets, int64_t block, const T* updates, T* dst);

}  // namespace precis::kernels::reference
