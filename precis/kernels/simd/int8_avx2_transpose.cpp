// Transposing matrices of codes on AVX2: the change between planes of channels (NCHW) and channels last, and back.
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

constexpr int64_t kTile = 16;

__m128i load16(const std::byte* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
void store16(std::byte* p, __m128i v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), v); }

// Four rounds of interleaving row i with row i + 8 turn 16 rows of 16 bytes into their columns.
void transpose_tile(__m128i (&v)[kTile]) {
  for (int round = 0; round < 4; ++round) {
    __m128i w[kTile];
    for (int i = 0; i < 8; ++i) {
      w[2 * i] = _mm_unpacklo_epi8(v[i], v[i + 8]);
      w[2 * i + 1] = _mm_unpackhi_epi8(v[i], v[i + 8]);
    }
    std::copy(w, w + kTile, v);
  }
}

void whole_tile(const std::byte* from, int64_t from_stride, std::byte* to, int64_t to_stride) {
  __m128i v[kTile];
  for (int64_t i = 0; i < kTile; ++i) v[i] = load16(from + i * from_stride);
  transpose_tile(v);
  for (int64_t i = 0; i < kTile; ++i) store16(to + i * to_stride, v[i]);
}

void part_of_tile(const std::byte* from, int64_t from_stride, int64_t rows, int64_t columns, std::byte* to, int64_t to_stride) {
  __m128i v[kTile] = {};
  alignas(16) std::byte line[kTile] = {};
  for (int64_t i = 0; i < rows; ++i) {
    std::memcpy(line, from + i * from_stride, static_cast<size_t>(columns));
    v[i] = load16(line);
  }
  transpose_tile(v);
  for (int64_t i = 0; i < columns; ++i) {
    store16(line, v[i]);
    std::memcpy(to + i * to_stride, line, static_cast<size_t>(rows));
  }
}

// Three rows side by side, the colours of a picture: 16 columns become 48 bytes.
void three_rows(const std::byte* from, int64_t from_stride, int64_t columns, std::byte* to) {
  const auto picks = [](int row, int part) {  // where byte `3 * column + row` of the result comes from
    alignas(16) char pick[16];
    for (int i = 0; i < 16; ++i) {
      const int at = part * 16 + i;
      pick[i] = at % 3 == row ? static_cast<char>(at / 3) : static_cast<char>(-1);
    }
    return _mm_load_si128(reinterpret_cast<const __m128i*>(pick));
  };
  __m128i pick[3][3];
  for (int row = 0; row < 3; ++row)
    for (int part = 0; part < 3; ++part) pick[row][part] = picks(row, part);
  int64_t c = 0;
  for (; c + kTile <= columns; c += kTile) {
    const __m128i v[3] = {load16(from + c), load16(from + from_stride + c), load16(from + 2 * from_stride + c)};
    for (int part = 0; part < 3; ++part) {
      const __m128i two = _mm_or_si128(_mm_shuffle_epi8(v[0], pick[0][part]), _mm_shuffle_epi8(v[1], pick[1][part]));
      store16(to + 3 * c + 16 * part, _mm_or_si128(two, _mm_shuffle_epi8(v[2], pick[2][part])));
    }
  }
  for (; c < columns; ++c)
    for (int64_t row = 0; row < 3; ++row) to[3 * c + row] = from[row * from_stride + c];
}

void transpose_codes(const std::byte* from, int64_t from_stride, int64_t rows, int64_t columns, std::byte* to, int64_t to_stride) {
  if (rows == 1 && to_stride == 1) {
    std::memcpy(to, from, static_cast<size_t>(columns));
    return;
  }
  if (rows == 3 && to_stride == 3) return three_rows(from, from_stride, columns, to);
  for (int64_t r = 0; r < rows; r += kTile)
    for (int64_t c = 0; c < columns; c += kTile) {
      const std::byte* source = from + r * from_stride + c;
      std::byte* target = to + c * to_stride + r;
      if (rows - r >= kTile && columns - c >= kTile)
        whole_tile(source, from_stride, target, to_stride);
      else
        part_of_tile(source, from_stride, std::min(kTile, rows - r), std::min(kTile, columns - c), target, to_stride);
    }
}

}  // namespace

void set_transpose_avx2(Kernels& k) { k.transpose = transpose_codes; }

}  // namespace precis::kernels::simd
