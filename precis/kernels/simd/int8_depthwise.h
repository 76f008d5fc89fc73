// Depthwise convolutions of u8 codes by s8 weights with products of four neighbours that are added in 32 bits
// (VPDPBUSD, or what stands for it). A line of output pixels is one flat run of bytes: with the input's lines
// in a band whose phases are the stride (int8_band.h), every tap reads a flat run as well, and no channel
// count leaves lanes idle. Four taps are interleaved byte by byte to the quads that are multiplied. Exact;
// see int8.h for the shared records.
#pragma once

#include "precis/core/isa.h"
#include "precis/kernels/simd/int8_band.h"

namespace precis::kernels::simd {

// Up to four taps, by their offset from the first pixel of a line; unused ones repeat the first.
struct TapQuad {
  int64_t offset[4];
  int64_t taps;
  int64_t first_tap;
  int pass;  // of s8_passes()
};

struct DepthwisePlan {
  ConvShape shape;
  int64_t vector = 1;  // output codes that are made together
  BandPlan band;
  std::vector<TapQuad> quads;
  int64_t patterns = 1;       // vectors after which channels repeat along a line
  int64_t scratch_bytes = 0;  // of one call: the band
  int64_t weight_bytes() const { return slots() * static_cast<int64_t>(quads.size()) * 4; }
  int64_t slots() const { return patterns * vector; }  // of constants per channel
  // The channel that slot `i` of the constants stands for. Interleaving puts the 32-bit sums of a vector's
  // codes in this order: of each 16 codes the first four, then of each the next four, and so on.
  int64_t channel_of(int64_t i) const;
};

// For shapes with is_depthwise(). `vector`: depthwise_vector() of the instruction set; `passes`: s8_passes()
// of the weights.
DepthwisePlan plan_depthwise(const ConvShape& shape, int64_t vector, int passes);
int64_t depthwise_vector(Isa isa);
void pack_depthwise(const DepthwisePlan& plan, const int16_t* centred, std::byte* packed);  // weight_bytes()
// Constants per channel in the order of the slots.
template <typename T>
std::vector<T> spread_channels(const DepthwisePlan& plan, const T* values) {
  std::vector<T> spread(static_cast<size_t>(plan.slots()));
  for (int64_t i = 0; i < plan.slots(); ++i) spread[static_cast<size_t>(i)] = values[plan.channel_of(i)];
  return spread;
}

struct DepthwiseData {
  const std::byte* x = nullptr;  // codes [batch, spatial, channels]
  CodeType x_type = CodeType::kU8;
  int32_t x_zero_point = 0;
  const std::byte* weights = nullptr;  // pack_depthwise()
  const int32_t* offsets = nullptr;    // channel_offsets(), spread
  std::byte* y = nullptr;
  int64_t y_stride = 0;  // elements from one pixel to the next; with a residual the number of channels
};

// Output pixels [first, last). Epilogue: constants are spread; bias is null when the offsets have it.
using DepthwiseKernel = void (*)(const DepthwisePlan& plan, const DepthwiseData& data, const Epilogue& e,
                                 int64_t first, int64_t last, std::byte* scratch);
DepthwiseKernel depthwise_kernel_for(Isa isa);  // null where there is none

}  // namespace precis::kernels::simd
