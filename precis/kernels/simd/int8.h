// Fast kernels on 8-bit codes, channels last. Every one gives exactly the integers of
// precis/kernels/reference (docs/quantization.md): nothing saturates whatever the codes are, u8 or s8, with
// any zero points on either side. Here are the records that all share, and one table of functions per
// instruction set; convolutions and products have faster forms beside it: panels (int8_panels.h, VNNI), quads
// with exact lists (int8_quads.h) and depthwise (int8_depthwise.h). The caller splits the work into ranges
// and runs them on its threads. Nothing is allocated in a kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "precis/core/isa.h"

namespace precis::kernels::simd {

enum class CodeType : uint8_t { kU8, kS8 };

// How accumulators become results. Per channel arrays are padded to whole blocks of kChannelBlock (per
// group).
struct Epilogue {
  const float* multiplier = nullptr;  // contract: M[c]; for a float result s_x * s_w[c]
  const float* bias = nullptr;        // float(int32 bias); null where accumulators have it already
  const float* shift = nullptr;       // float results: added to the product with the multiplier; null: nothing
  float low,
      high;  // fused activation on t: -inf/+inf none, 0/+inf Relu, Clip's limits in units of the result
  enum class Result : uint8_t { kU8, kS8, kF32 } result = Result::kU8;
  float zero_point = 0, code_min = 0, code_max = 255;  // of the result's codes
  const std::byte* residual = nullptr;  // codes added as fma(residual_multiplier, code - residual_zero_point,
                                        // t); laid out as the result
  CodeType residual_type = CodeType::kU8;
  int32_t residual_zero_point = 0;
  float residual_multiplier = 0;
};

inline constexpr int64_t kChannelBlock = 16;

// A convolution over N, D, H, W, C (1-D and 2-D have leading ones), or a matrix product (all spatial sizes 1,
// batch = rows).
struct ConvShape {
  int64_t batch = 1;
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1}, dilation[3] = {1, 1, 1}, pad[3] = {0, 0, 0};  // pad: at the begin
  int64_t groups = 1;
  int64_t in_channels = 1, out_channels = 1;  // of all groups
  int64_t depth() const {
    return kernel[0] * kernel[1] * kernel[2] * (in_channels / groups);
  }  // K of one group
  int64_t padded_depth() const { return (depth() + 1) / 2 * 2; }
  int64_t rows() const { return batch * out[0] * out[1] * out[2]; }
};

struct ConvData {
  const std::byte* x = nullptr;  // codes [batch, spatial, in_channels]
  CodeType x_type = CodeType::kU8;
  int32_t x_zero_point = 0;
  const int16_t* weights = nullptr;  // pack_conv_weights()
  std::byte* y = nullptr;            // [batch, spatial, out_channels] codes or floats
  int64_t y_stride = 0;              // elements from one pixel to the next (> out_channels inside a Concat)
};

// Rows of output pixels that one call of conv() handles at best (a multiple of the register tile that fits
// the L2 cache), and the int16 elements of scratch memory that it needs for them.
int64_t conv_rows_per_block(const ConvShape& shape);
int64_t conv_scratch_elements(const ConvShape& shape);

// Weights [out_channels, in_channels / groups, kernel...] as centred int16 (code - zero point), in blocks of
// 16 output channels and pairs of K: [group][block][K/2][16][2]; missing channels and the odd K are zero. K
// order: spatial, then channel.
std::vector<int16_t> pack_conv_weights(const ConvShape& shape, const int16_t* centred);
// One value per channel -> the epilogue's padded per-group order.
std::vector<float> pack_channels(const ConvShape& shape, const float* values);
std::vector<int32_t> pack_channels(const ConvShape& shape, const int32_t* values);

// One channel in and out per group: what depthwise kernels take (int8_depthwise.h).
bool is_depthwise(const ConvShape& shape);

struct PoolShape {
  int64_t batch = 1, channels = 1;
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1}, dilation[3] = {1, 1, 1}, pad[3] = {0, 0, 0};
  int64_t rows() const { return batch * out[0] * out[1] * out[2]; }
};

// AveragePool: t = float(sum of (x - z_x)) * multiplier[count], count = elements of the window that count.
struct AveragePool {
  int32_t x_zero_point = 0;
  const float* multiplier = nullptr;  // indexed by count, [0, kernel volume]
  bool include_pad = false;           // count is always the clipped-to-padded window
  int64_t padded_end[3] = {0, 0,
                           0};  // include_pad: input size plus end padding, where a window's count stops
  bool real = false;            // t itself is the result, as float
  float zero_point = 0, code_min = 0, code_max = 255;
};

// An order of channels, and the same as the instruction set likes it: Kernels::permutation_tables(index),
// made once.
struct Permutation {
  std::vector<uint16_t> index;
  std::vector<std::byte> tables;
};

struct Kernels {
  // Output pixels [first, last) of all groups. `scratch`: conv_scratch_elements().
  void (*conv)(const ConvShape& shape, const ConvData& data, const Epilogue& e, int64_t first, int64_t last,
               int16_t* scratch);
  // y = round_to_grid(fma(b - z_b, multiplier_b, (a - z_a) * multiplier_a)), limits as in Epilogue; n
  // elements.
  struct Sum {
    CodeType a_type, b_type, y_type;
    int32_t a_zero_point, b_zero_point;
    float multiplier_a, multiplier_b;
    float low, high;
    float zero_point, code_min, code_max;
  };
  void (*add)(const Sum& p, const std::byte* a, const std::byte* b, std::byte* y, int64_t n);
  // y = round_to_grid((x - z_x) * multiplier)
  struct Rescale {
    CodeType x_type, y_type;
    int32_t x_zero_point;
    float multiplier;
    float zero_point, code_min, code_max;
  };
  void (*rescale)(const Rescale& p, const std::byte* x, std::byte* y, int64_t n);
  void (*quantize)(const float* x, float scale, float zero_point, float code_min, float code_max,
                   CodeType type, std::byte* y, int64_t n);
  // The least and the largest of n values and 0; NaN is passed over.
  void (*range)(const float* x, int64_t n, float* low, float* high);
  void (*dequantize)(const std::byte* x, CodeType type, float scale, int32_t zero_point, float* y, int64_t n);
  void (*max_pool)(const PoolShape& shape, CodeType type, const std::byte* x, std::byte* y, int64_t first,
                   int64_t last);
  void (*average_pool)(const PoolShape& shape, const AveragePool& p, CodeType x_type, CodeType y_type,
                       const std::byte* x, std::byte* y, int64_t first, int64_t last);
  // y = round_to_grid((a - z_a) * (b - z_b) * multiplier), limits as in Epilogue; n elements.
  struct Product {
    CodeType a_type, b_type, y_type;
    int32_t a_zero_point, b_zero_point;
    float multiplier;
    float low, high;
    float zero_point, code_min, code_max;
  };
  void (*multiply)(const Product& p, const std::byte* a, const std::byte* b, std::byte* y, int64_t n);
  // y = round_to_grid(fma(x - z_x, multiplier[c], offset[c])), limits as in Epilogue; rows of `channels`
  // codes.
  struct Affine {
    CodeType x_type, y_type;
    int32_t x_zero_point;
    const float* multiplier;
    const float* offset;
    float low, high;
    float zero_point, code_min, code_max;
  };
  void (*affine)(const Affine& p, const std::byte* x, std::byte* y, int64_t rows, int64_t channels);
  // to[c * to_stride + r] = from[r * from_stride + c], one byte each.
  void (*transpose)(const std::byte* from, int64_t from_stride, int64_t rows, int64_t columns, std::byte* to,
                    int64_t to_stride);
  // y[i] = table[x[i]]; the table has 256 bytes, indexed by the code's byte.
  void (*look_up)(const std::byte* table, const std::byte* x, std::byte* y, int64_t n);
  bool tables_are_fast = false;  // look_up() is faster than arithmetic on codes
  // y[c] = x[index[c]] in each of `rows` rows of as many codes as the index is long; x and y do not overlap.
  void (*permute)(const Permutation& p, const std::byte* x, std::byte* y, int64_t rows);
  std::vector<std::byte> (*permutation_tables)(const std::vector<uint16_t>& index);
  // Interpolation: y = sum over t ascending of weight[t] * (row[t] - z_x), as reals; then the same over rows
  // of reals, times `multiplier` and onto the grid.
  void (*blend_codes)(const std::byte* const* rows, const float* weights, int64_t taps, CodeType type,
                      int32_t zero_point, float* y, int64_t n);
  struct Grid {
    float multiplier;
    float zero_point, code_min, code_max;
  };
  void (*blend_reals)(const float* const* rows, const float* weights, int64_t taps, const Grid& grid,
                      std::byte* y, int64_t n);
};

// The fastest table for `isa`; null where there is none (scalar): the caller takes the reference.
const Kernels* kernels_for(Isa isa);

}  // namespace precis::kernels::simd
