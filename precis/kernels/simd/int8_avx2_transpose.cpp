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

// log2(R) rounds of interleaving row i with row i + R / 2: R rows of 16 bytes become their columns, one after the other.
template <int64_t R>
void interleave(__m128i (&v)[R]) {
  for (int64_t round = 1; round < R; round *= 2) {
    __m128i w[R];
    for (int64_t i = 0; i < R / 2; ++i) {
      w[2 * i] = _mm_unpacklo_epi8(v[i], v[i + R / 2]);
      w[2 * i + 1] = _mm_unpackhi_epi8(v[i], v[i + R / 2]);
    }
    std::copy(w, w + R, v);
  }
}

void whole_tile(const std::byte* from, int64_t from_stride, std::byte* to, int64_t to_stride) {
  __m128i v[kTile];
  for (int64_t i = 0; i < kTile; ++i) v[i] = load16(from + i * from_stride);
  interleave(v);
  for (int64_t i = 0; i < kTile; ++i) store16(to + i * to_stride, v[i]);
}

void part_of_tile(const std::byte* from, int64_t from_stride, int64_t rows, int64_t columns, std::byte* to, int64_t to_stride) {
  __m128i v[kTile] = {};
  alignas(16) std::byte line[kTile] = {};
  for (int64_t i = 0; i < rows; ++i) {
    std::memcpy(line, from + i * from_stride, static_cast<size_t>(columns));
    v[i] = load16(line);
  }
  interleave(v);
  for (int64_t i = 0; i < columns; ++i) {
    store16(line, v[i]);
    std::memcpy(to + i * to_stride, line, static_cast<size_t>(rows));
  }
}

// Where the tiles of a length of at least one tile begin: the last one overlaps its neighbour instead of being cut.
template <typename Body>
void for_each_tile(int64_t length, const Body& body) {
  for (int64_t i = 0; i < length; i += kTile) body(std::min(i, length - kTile));
}

// R rows that lie dense in the result.
template <int64_t R>
void few_rows(const std::byte* from, int64_t from_stride, int64_t columns, std::byte* to) {
  for_each_tile(columns, [&](int64_t c) {
    __m128i v[R];
    for (int64_t i = 0; i < R; ++i) v[i] = load16(from + i * from_stride + c);
    interleave(v);
    for (int64_t i = 0; i < R; ++i) store16(to + R * c + 16 * i, v[i]);
  });
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
  for_each_tile(columns, [&](int64_t c) {
    const __m128i v[3] = {load16(from + c), load16(from + from_stride + c), load16(from + 2 * from_stride + c)};
    for (int part = 0; part < 3; ++part) {
      const __m128i two = _mm_or_si128(_mm_shuffle_epi8(v[0], pick[0][part]), _mm_shuffle_epi8(v[1], pick[1][part]));
      store16(to + 3 * c + 16 * part, _mm_or_si128(two, _mm_shuffle_epi8(v[2], pick[2][part])));
    }
  });
}

void transpose_codes(const std::byte* from, int64_t from_stride, int64_t rows, int64_t columns, std::byte* to, int64_t to_stride) {
  if (rows == to_stride && columns >= kTile) {
    if (rows == 1) {
      std::memcpy(to, from, static_cast<size_t>(columns));
      return;
    }
    if (rows == 2) return few_rows<2>(from, from_stride, columns, to);
    if (rows == 3) return three_rows(from, from_stride, columns, to);
    if (rows == 4) return few_rows<4>(from, from_stride, columns, to);
    if (rows == 8) return few_rows<8>(from, from_stride, columns, to);
  }
  if (rows >= kTile && columns >= kTile) {
    for_each_tile(rows, [&](int64_t r) {
      for_each_tile(columns, [&](int64_t c) { whole_tile(from + r * from_stride + c, from_stride, to + c * to_stride + r, to_stride); });
    });
    return;
  }
  for (int64_t r = 0; r < rows; r += kTile)
    for (int64_t c = 0; c < columns; c += kTile)
      part_of_tile(from + r * from_stride + c, from_stride, std::min(kTile, rows - r), std::min(kTile, columns - c),
                   to + c * to_stride + r, to_stride);
}

}  // namespace

void set_transpose_avx2(Kernels& k) { k.transpose = transpose_codes; }

}  // namespace precis::kernels::simd
