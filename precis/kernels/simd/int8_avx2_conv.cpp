// Dense and grouped convolution, and matrix products, on AVX2: rows of centred int16 are gathered (im2col) into scratch for a
// block of output pixels; a 6 x 16 register tile then runs over pairs of K with VPMADDWD. Exact for all 8-bit codes.
#include <algorithm>

#include "precis/kernels/simd/int8_avx2.h"
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

constexpr int kRowTile = 6;

// Widens n codes to centred int16.
inline void widen(const std::byte* x, CodeType type, __m256i zero_point, int16_t zp, int64_t n, int16_t* out) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), load_centred16(x + i, type, zero_point));
  for (; i < n; ++i) {
    const int code = type == CodeType::kU8 ? std::to_integer<int>(x[i]) : static_cast<int8_t>(x[i]);
    out[i] = static_cast<int16_t>(code - zp);
  }
}

// Position of an output pixel.
struct Pixel {
  int64_t n, at[3];
};

Pixel pixel_of(const ConvShape& s, int64_t row) {
  Pixel p;
  p.at[2] = row % s.out[2];
  row /= s.out[2];
  p.at[1] = row % s.out[1];
  row /= s.out[1];
  p.at[0] = row % s.out[0];
  p.n = row / s.out[0];
  return p;
}

class Gather {
 public:
  Gather(const ConvShape& s, const ConvData& d)
      : s_(s), d_(d), group_in_(s.in_channels / s.groups), zero_point_(_mm256_set1_epi16(static_cast<int16_t>(d.x_zero_point))),
        dense_taps_(s.groups == 1 && s.dilation[2] == 1) {}

  // The K values that output pixel `row` reads in `group`; padding reads the zero point, which is 0 when centred.
  void row(int64_t row, int64_t group, int16_t* out) const {
    const Pixel p = pixel_of(s_, row);
    int64_t z[3];
    for (int i = 0; i < 3; ++i) z[i] = p.at[i] * s_.stride[i] - s_.pad[i];
    const int64_t run = s_.kernel[2] * group_in_;
    int16_t* const end = out + s_.padded_depth();
    for (int64_t a = 0; a < s_.kernel[0]; ++a)
      for (int64_t b = 0; b < s_.kernel[1]; ++b, out += run) {
        const int64_t za = z[0] + a * s_.dilation[0], zb = z[1] + b * s_.dilation[1];
        if (za < 0 || za >= s_.in[0] || zb < 0 || zb >= s_.in[1]) {
          std::fill(out, out + run, int16_t{0});
          continue;
        }
        const std::byte* line = d_.x + (((p.n * s_.in[0] + za) * s_.in[1] + zb) * s_.in[2]) * s_.in_channels + group * group_in_;
        line_taps(line, z[2], out);
      }
    if (out < end) *out = 0;  // odd K
  }

 private:
  void line_taps(const std::byte* line, int64_t z, int16_t* out) const {
    if (dense_taps_) {  // neighbouring taps are neighbours in memory
      const int64_t first = std::clamp<int64_t>(-z, 0, s_.kernel[2]), last = std::clamp<int64_t>(s_.in[2] - z, first, s_.kernel[2]);
      std::fill(out, out + first * group_in_, int16_t{0});
      widen(line + (z + first) * s_.in_channels, d_.x_type, zero_point_, static_cast<int16_t>(d_.x_zero_point), (last - first) * group_in_,
            out + first * group_in_);
      std::fill(out + last * group_in_, out + s_.kernel[2] * group_in_, int16_t{0});
      return;
    }
    for (int64_t c = 0; c < s_.kernel[2]; ++c, out += group_in_) {
      const int64_t zc = z + c * s_.dilation[2];
      if (zc < 0 || zc >= s_.in[2])
        std::fill(out, out + group_in_, int16_t{0});
      else
        widen(line + zc * s_.in_channels, d_.x_type, zero_point_, static_cast<int16_t>(d_.x_zero_point), group_in_, out);
    }
  }

  const ConvShape& s_;
  const ConvData& d_;
  int64_t group_in_;
  __m256i zero_point_;
  bool dense_taps_;
};

// acc[R][2]: R rows x 16 channels. rows: R gathered rows, `depth` apart; w: [depth/2][16][2].
template <int R>
inline void multiply(const int16_t* rows, int64_t depth, const int16_t* w, __m256i (&acc)[R][2]) {
  for (int r = 0; r < R; ++r) acc[r][0] = acc[r][1] = _mm256_setzero_si256();
  for (int64_t k = 0; k < depth; k += 2, w += 2 * kChannelBlock) {
    const __m256i w0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
    const __m256i w1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + kChannelBlock));
    for (int r = 0; r < R; ++r) {
      int32_t pair;
      std::memcpy(&pair, rows + r * depth + k, sizeof(pair));
      const __m256i x = _mm256_set1_epi32(pair);
      acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(x, w0));
      acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(x, w1));
    }
  }
}

struct Tile {
  const int16_t* rows;
  int64_t depth;
  const int16_t* weights;
  int64_t channel;        // in the padded epilogue arrays
  int64_t valid;          // channels of this block, up to 16
  int64_t at;             // flat element of row 0, channel 0 in y
  int64_t y_stride;
};

template <int R>
void run_tile(const Tile& t, const Epilogue& e, const EpilogueRegs& regs, std::byte* y) {
  __m256i acc[R][2];
  multiply<R>(t.rows, t.depth, t.weights, acc);
  for (int r = 0; r < R; ++r) {
    const int64_t at = t.at + r * t.y_stride;
    finish8(e, regs, acc[r][0], t.channel, y, at, std::min<int64_t>(t.valid, 8));
    if (t.valid > 8) finish8(e, regs, acc[r][1], t.channel + 8, y, at + 8, t.valid - 8);
  }
}

void run_rows(int64_t rows, const Tile& t, const Epilogue& e, const EpilogueRegs& regs, std::byte* y) {
  switch (rows) {
    case 1: return run_tile<1>(t, e, regs, y);
    case 2: return run_tile<2>(t, e, regs, y);
    case 3: return run_tile<3>(t, e, regs, y);
    case 4: return run_tile<4>(t, e, regs, y);
    case 5: return run_tile<5>(t, e, regs, y);
    default: return run_tile<6>(t, e, regs, y);
  }
}

}  // namespace

void conv_avx2(const ConvShape& s, const ConvData& d, const Epilogue& e, int64_t first, int64_t last, int16_t* scratch) {
  const Gather gather(s, d);
  const EpilogueRegs regs(e);
  const int64_t group_out = s.out_channels / s.groups, blocks = (group_out + kChannelBlock - 1) / kChannelBlock;
  const int64_t depth = s.padded_depth(), per_block = conv_rows_per_block(s);
  for (int64_t start = first; start < last; start += per_block) {
    const int64_t rows = std::min(per_block, last - start);
    for (int64_t g = 0; g < s.groups; ++g) {
      for (int64_t r = 0; r < rows; ++r) gather.row(start + r, g, scratch + r * depth);
      for (int64_t b = 0; b < blocks; ++b) {
        Tile t{scratch, depth, d.weights + (g * blocks + b) * depth * kChannelBlock, (g * blocks + b) * kChannelBlock,
               std::min(kChannelBlock, group_out - b * kChannelBlock), 0, d.y_stride};
        for (int64_t r = 0; r < rows; r += kRowTile) {
          t.rows = scratch + r * depth;
          t.at = (start + r) * d.y_stride + g * group_out + b * kChannelBlock;
          run_rows(std::min<int64_t>(kRowTile, rows - r), t, e, regs, d.y);
        }
      }
    }
  }
}

}  // namespace precis::kernels::simd
