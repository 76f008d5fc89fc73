// Quantizing and dequantizing whole tensors by an Encoding (the slow, exact truth; kernels have the fast forms).
#pragma once

#include "precis/core/encoding.h"
#include "precis/core/tensor.h"
#include "precis/quant/observer.h"

namespace precis::quant {

Tensor quantize_tensor(const Tensor& real, const Encoding& encoding);    // f32/f16/bf16/f64 in, codes out
Tensor dequantize_tensor(const Tensor& codes, const Encoding& encoding);  // f32 out
// Symmetric encoding of weights: one scale per index of `axis` (or per tensor when axis < 0) from the channel's max |w|.
// All-zero channels get scale 1. Error(kMalformed) on NaN/Inf naming the flat index.
Encoding weight_encoding(const Tensor& weights, int axis, const GridSpec& grid);
double sqnr_db(std::span<const float> reference, std::span<const float> actual);  // +inf when equal; 20 log10(|x| / |x - y|)

}  // namespace precis::quant
