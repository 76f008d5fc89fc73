// Convolutions and matrix products of u8 codes by s8 weights in groups of four along K, for instructions that multiply
// neighbours and add them in 16 bits (VPMADDUBSW). Exact: where two neighbouring weights of one sign could exceed 16 bits,
// a part of one of them is moved to a short list that is added with 32 bits. See int8.h for the shared records.
#pragma once

#include <optional>

#include "precis/kernels/simd/int8.h"

namespace precis::kernels::simd {

// K order: spatial, then channel; K is padded with zeros to a multiple of 4, channels per group to kChannelBlock.
struct QuadWeights {
  std::vector<int8_t> quads;           // [group][block][K/4][16][4]
  std::vector<int32_t> sums;           // of each (padded) channel's weights, for the input's zero point
  std::vector<int32_t> rest_begin;     // [group * blocks + 1]: the block's first pair in the lists below
  std::vector<int32_t> rest_k;         // [pair][2]: positions in K
  std::vector<int16_t> rest_weights;   // [pair][16][2]: what to add there
  int64_t bytes() const;
};

// nullopt where the form does not pay: weights outside [-128, 127], or more than a fifth of K in the lists.
// `centred`: [out_channels, in_channels / groups, kernel...] weights minus their zero points.
std::optional<QuadWeights> pack_quad_weights(const ConvShape& shape, const int16_t* centred);

struct QuadData {
  const std::byte* x = nullptr;    // codes [batch, spatial, in_channels]
  CodeType x_type = CodeType::kU8; // s8 codes are read as u8 with the sign bit flipped
  int32_t x_zero_point = 0;
  const QuadWeights* weights = nullptr;
  const int32_t* offsets = nullptr;  // per padded channel, quad_offsets()
  std::byte* y = nullptr;
  int64_t y_stride = 0;            // elements from one pixel to the next
};

// What accumulators start from: minus the (u8) zero point times the channel's sum, modulo 2^32.
std::vector<int32_t> quad_offsets(const QuadWeights& weights, CodeType x_type, int32_t x_zero_point);

int64_t quad_rows_per_block(const ConvShape& shape);
int64_t quad_scratch_bytes(const ConvShape& shape);  // for one call
// Output pixels [first, last) of all groups.
using QuadKernel = void (*)(const ConvShape& shape, const QuadData& data, const Epilogue& e, int64_t first, int64_t last,
                            std::byte* scratch);
QuadKernel quad_kernel_for(Isa isa);  // null where there is none

}  // namespace precis::kernels::simd
