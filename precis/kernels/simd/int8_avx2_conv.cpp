// Convolution and matrix products on AVX2 for any 8-bit codes and weights: rows of centred int16 and weights in pairs of K go
// through VPMADDWD in tiles of 4 pixels x 16 channels. Exact for all codes and zero points; int8_avx2_quads.cpp is faster where
// its form fits.
#include <algorithm>

#include "precis/kernels/simd/int8_avx2.h"
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

constexpr int64_t kRowTile = 4;

// n u8 codes to centred int16; the last piece overlaps the one before.
inline void widen(const std::byte* x, __m256i zero_point, int64_t n, int16_t* out) {
  const auto piece = [&](int64_t i) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), load_centred16(x + i, CodeType::kU8, zero_point));
  };
  for (int64_t i = 0; i + 16 <= n; i += 16) piece(i);
  if (n >= 16) {
    if (n % 16 != 0) piece(n - 16);
    return;
  }
  const auto zp = static_cast<int16_t>(_mm256_extract_epi16(zero_point, 0));
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<int16_t>(std::to_integer<int>(x[i]) - zp);
}

struct Tile {
  const int16_t* rows;
  int64_t depth;
  const int16_t* weights;
  int64_t channel;  // in the padded epilogue arrays
  int64_t valid;    // channels of this block, up to 16
  int64_t at;       // flat element of row 0, channel 0 in y
  int64_t y_stride;
};

// rows: R gathered rows, `depth` apart; weights: [depth/2][16][2].
template <int R>
void run_tile(const Tile& t, const Finish& finish, std::byte* y) {
  __m256i acc[R][2];
  for (int r = 0; r < R; ++r) acc[r][0] = acc[r][1] = _mm256_setzero_si256();
  const int16_t* w = t.weights;
  for (int64_t k = 0; k < t.depth; k += 2, w += 2 * kChannelBlock) {
    const __m256i w0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
    const __m256i w1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + kChannelBlock));
    for (int r = 0; r < R; ++r) {
      int32_t pair;
      std::memcpy(&pair, t.rows + r * t.depth + k, sizeof(pair));
      const __m256i x = _mm256_set1_epi32(pair);
      acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(x, w0));
      acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(x, w1));
    }
  }
  for (int r = 0; r < R; ++r) finish.store(acc[r][0], acc[r][1], t.channel, y, t.at + r * t.y_stride, t.valid);
}

void run_rows(int64_t rows, const Tile& t, const Finish& finish, std::byte* y) {
  switch (rows) {
    case 1: return run_tile<1>(t, finish, y);
    case 2: return run_tile<2>(t, finish, y);
    case 3: return run_tile<3>(t, finish, y);
    default: return run_tile<4>(t, finish, y);
  }
}

// Fills `rows` rows of centred int16 for the pixels from `start` on. `bytes`: room for one row.
void gather_rows(const ConvShape& s, const ConvData& d, int64_t group, int64_t start, int64_t rows, std::byte* bytes, int16_t* out) {
  const __m256i zero_point = _mm256_set1_epi16(static_cast<int16_t>(as_u8(d.x_type, d.x_zero_point)));
  const int64_t depth = s.depth(), padded = s.padded_depth();
  const bool in_place = pixels_are_rows(s) && d.x_type == CodeType::kU8;
  const ByteGather gather(s, d.x, d.x_type, d.x_zero_point);
  PixelWalk pixel(s, start);
  for (int64_t r = 0; r < rows; ++r, pixel.next(), out += padded) {
    if (!in_place) gather.pixel(pixel, group, bytes);
    widen(in_place ? d.x + (start + r) * depth : bytes, zero_point, depth, out);
    if (padded > depth) out[depth] = 0;
  }
}

}  // namespace

void conv_avx2(const ConvShape& s, const ConvData& d, const Epilogue& e, int64_t first, int64_t last, int16_t* scratch) {
  const Finish finish(e);
  const int64_t group_out = s.out_channels / s.groups, blocks = (group_out + kChannelBlock - 1) / kChannelBlock;
  const int64_t depth = s.padded_depth(), per_block = conv_rows_per_block(s);
  auto* bytes = reinterpret_cast<std::byte*>(scratch + per_block * depth);
  for (int64_t start = first; start < last; start += per_block) {
    const int64_t rows = std::min(per_block, last - start);
    for (int64_t g = 0; g < s.groups; ++g) {
      gather_rows(s, d, g, start, rows, bytes, scratch);
      for (int64_t b = 0; b < blocks; ++b) {
        const int64_t block = g * blocks + b;
        Tile t{scratch, depth, d.weights + block * depth * kChannelBlock, block * kChannelBlock,
               std::min(kChannelBlock, group_out - b * kChannelBlock), 0, d.y_stride};
        for (int64_t r = 0; r < rows; r += kRowTile) {
          t.rows = scratch + r * depth;
          t.at = (start + r) * d.y_stride + g * group_out + b * kChannelBlock;
          run_rows(std::min(kRowTile, rows - r), t, finish, d.y);
        }
      }
    }
  }
}

}  // namespace precis::kernels::simd
