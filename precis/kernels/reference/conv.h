// Convolution and transposed convolution, channels first, any group count. For f32, f64 and i32.
// i32 takes codes with the zero points already subtracted (so that padding is 0) and wraps modulo 2^32: exact
// wherever the accumulator is proven to fit (docs/quantization.md). Order of the sums: each output element is
// the plain sequential sum over input channel, then kernel depth, row, column; taps on the padding are
// skipped.
#pragma once

#include <cstdint>

#include "precis/kernels/reference/window.h"

namespace precis::kernels::reference {

struct ConvParams {
  int64_t batch = 1;
  int64_t groups = 1;
  int64_t in_channels = 1;   // of all groups
  int64_t out_channels = 1;  // of all groups
  // conv: from input (in) to output (out). conv_transpose: the same relation, but x has window.out's lengths
  // and y window.in's.
  Window window;
};

// x [batch, in_channels, in...], w [out_channels, in_channels / groups, kernel...] -> y [batch, out_channels,
// out...]
template <typename T>
void conv(const ConvParams& p, const T* x, const T* w, T* y);

// x [batch, in_channels, window.out...], w [in_channels, out_channels / groups, kernel...] -> y [batch,
// out_channels, window.in...]
template <typename T>
void conv_transpose(const ConvParams& p, const T* x, const T* w, T* y);

// y[n, c, i] += bias[c]
template <typename T>
void add_channel_bias(int64_t batch, int64_t channels, int64_t inner, const T* bias, T* y);

}  // namespace precis::kernels::reference
