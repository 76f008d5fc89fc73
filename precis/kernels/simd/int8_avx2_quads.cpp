// u8 x s8 convolution and products on AVX2 with VPMADDUBSW: tiles of 4 pixels x 16 channels over quads of K. Pixels of a
// 1x1 convolution are read where they lie, others are gathered as bytes (im2col). Exact: see int8_quads.h.
#include <algorithm>

#include "precis/kernels/simd/int8_avx2.h"
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

constexpr int64_t kRowTile = 4;

int64_t quads_depth(const ConvShape& s) { return (s.depth() + 3) / 4 * 4; }

// A tile's operands: rows of codes, one block of weights with its list of rests.
struct Tile {
  const std::byte* rows;
  int64_t row_stride, depth;
  const int8_t* weights;
  const int32_t* offsets;
  const int32_t* rest_k;
  const int16_t* rest_weights;
  int64_t rest_pairs;
  int64_t channel, valid, at, y_stride;
};

template <int R>
inline void multiply(const Tile& t, __m256i (&acc)[R][2]) {
  const __m256i ones = _mm256_set1_epi16(1);
  for (int r = 0; r < R; ++r) {
    acc[r][0] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(t.offsets));
    acc[r][1] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(t.offsets + 8));
  }
  const int8_t* w = t.weights;
  for (int64_t k = 0; k < t.depth; k += 4, w += 4 * kChannelBlock) {
    const __m256i w0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
    const __m256i w1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + 32));
    for (int r = 0; r < R; ++r) {
      int32_t quad;
      std::memcpy(&quad, t.rows + r * t.row_stride + k, sizeof(quad));
      const __m256i x = _mm256_set1_epi32(quad);
      acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(_mm256_maddubs_epi16(x, w0), ones));
      acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(_mm256_maddubs_epi16(x, w1), ones));
    }
  }
}

template <int R>
inline void add_rests(const Tile& t, __m256i (&acc)[R][2]) {
  for (int64_t p = 0; p < t.rest_pairs; ++p) {
    const auto* w = reinterpret_cast<const __m256i*>(t.rest_weights + p * 2 * kChannelBlock);
    const __m256i w0 = _mm256_loadu_si256(w), w1 = _mm256_loadu_si256(w + 1);
    for (int r = 0; r < R; ++r) {
      const std::byte* row = t.rows + r * t.row_stride;
      const int x0 = std::to_integer<int>(row[t.rest_k[2 * p]]), x1 = std::to_integer<int>(row[t.rest_k[2 * p + 1]]);
      const __m256i x = _mm256_set1_epi32(x0 | x1 << 16);
      acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(x, w0));
      acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(x, w1));
    }
  }
}

template <int R>
void run_tile(const Tile& t, const Finish& finish, std::byte* y) {
  __m256i acc[R][2];
  multiply<R>(t, acc);
  add_rests<R>(t, acc);
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

// All channels of one group for `rows` pixels from `start` on, whose codes lie at `codes`.
void run_group(const ConvShape& s, const QuadData& d, const Finish& finish, int64_t group, int64_t start, int64_t rows,
               const std::byte* codes, int64_t row_stride) {
  const QuadWeights& w = *d.weights;
  const int64_t group_out = s.out_channels / s.groups, blocks = (group_out + kChannelBlock - 1) / kChannelBlock, depth = quads_depth(s);
  for (int64_t b = 0; b < blocks; ++b) {
    const int64_t block = group * blocks + b, rest = w.rest_begin[static_cast<size_t>(block)];
    Tile t;
    t.row_stride = row_stride;
    t.depth = depth;
    t.weights = w.quads.data() + block * depth * kChannelBlock;
    t.channel = block * kChannelBlock;
    t.offsets = d.offsets + t.channel;
    t.rest_k = w.rest_k.data() + 2 * rest;
    t.rest_weights = w.rest_weights.data() + 2 * kChannelBlock * rest;
    t.rest_pairs = w.rest_begin[static_cast<size_t>(block) + 1] - rest;
    t.valid = std::min(kChannelBlock, group_out - b * kChannelBlock);
    t.y_stride = d.y_stride;
    for (int64_t r = 0; r < rows; r += kRowTile) {
      t.rows = codes + r * row_stride;
      t.at = (start + r) * d.y_stride + group * group_out + b * kChannelBlock;
      run_rows(std::min(kRowTile, rows - r), t, finish, d.y);
    }
  }
}

}  // namespace

void conv_quads_avx2(const ConvShape& s, const QuadData& d, const Epilogue& e, int64_t first, int64_t last, std::byte* scratch) {
  const Finish finish(e);
  const ByteGather gather(s, d.x, d.x_type, d.x_zero_point);
  const bool in_place = pixels_are_rows(s) && s.in_channels % 4 == 0 && d.x_type == CodeType::kU8;
  const int64_t depth = quads_depth(s), per_block = quad_rows_per_block(s);
  for (int64_t start = first; start < last; start += per_block) {
    const int64_t rows = std::min(per_block, last - start);
    for (int64_t g = 0; g < s.groups; ++g) {
      if (in_place) {
        run_group(s, d, finish, g, start, rows, d.x + start * s.in_channels, s.in_channels);
        continue;
      }
      PixelWalk pixel(s, start);
      for (int64_t r = 0; r < rows; ++r, pixel.next()) gather.pixel(pixel, g, scratch + r * depth);
      run_group(s, d, finish, g, start, rows, scratch, depth);
    }
  }
}

}  // namespace precis::kernels::simd
