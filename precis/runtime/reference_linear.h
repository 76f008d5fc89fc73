// Convolutions and matrix products of plain tensors, without bias: f32, f64, and i32 for centred codes.
// Internal to precis/runtime: the reference operators and their encoded forms share them.
#pragma once

#include "precis/runtime/reference_support.h"

namespace precis::runtime {

Tensor convolve(const Node& node, const Tensor& x, const Tensor& w);
Tensor convolve_transposed(const Node& node, const Tensor& x, const Tensor& w);
Tensor matrix_product(const Node& node, const Tensor& a,
                      const Tensor& b);  // MatMul: batches broadcast; 64-bit integers too
Tensor gemm_product(const Node& node, const Tensor& a,
                    const Tensor& b);  // rank 2; the node's transA and transB
// The one of the four that `node` asks for (Conv and ConvInteger, ConvTranspose, Gemm, else MatMul).
Tensor linear_product(const Node& node, const Tensor& a, const Tensor& b);

// Codes of 8, 16 or 32 bits (4-bit ones are unpacked) minus `zero_points` as i32. Zero points: one value, or
// one per index of `axis`, or of a shape that broadcasts to the codes'.
Tensor centered(const Node& node, const Tensor& codes, const Tensor* zero_points, int axis);
Tensor centered(const Node& node, const Tensor& codes, int32_t zero_point);
// i32 values that fit, as codes of `dtype`.
Tensor narrowed(const Node& node, const Tensor& values, DType dtype);

}  // namespace precis::runtime
