// Quantizing and dequantizing whole tensors by an Encoding (the slow, exact truth; kernels have the fast forms).
#pragma once

#include "precis/core/encoding.h"
#include "precis/core/tensor.h"
#include "precis/quant/observer.h"

namespace precis::quant {

Tensor quantize_tensor(const Tensor& real, const Encoding& encoding);    // f32/f16/bf16/f64 in, codes out
Tensor dequantize_tensor(const Tensor& codes, const Encoding& encoding);  // f32 out
// Symmetric encoding of f32 weights: one scale per index of `axis` (or per tensor when axis < 0) from the channel's max |w|.
// All-zero channels get scale 1. Error(kMalformed) on NaN/Inf naming the flat index.
Encoding weight_encoding(const Tensor& weights, int axis, const GridSpec& grid);
// `scale` rounded to 12 significant bits. The product of two such scales is exact in float, so that the multiplier s_x * s_w / s_y
// of a convolution is the same number in whatever order and precision a runtime computes it, and its integers are the same.
enum class Shorten : uint8_t { kUp, kDown };
float short_scale(float scale, Shorten direction);
double sqnr_db(std::span<const float> reference, std::span<const float> actual);  // +inf when equal; 20 log10(|x| / |x - y|)

}  // namespace precis::quant
