// Matrix product of strided matrices. For f32, f64 and 32- and 64-bit integers; integers wrap modulo 2^n, so
// i32 on codes (zero points subtracted) is exact wherever the accumulator is proven to fit. Order of the
// sums: each output element is the plain sequential sum over k.
#pragma once

#include <cstdint>

namespace precis::kernels::reference {

struct MatmulParams {
  int64_t m = 0, n = 0, k = 0;
  int64_t a_row = 0, a_col = 0;  // strides of a [m, k], in elements
  int64_t b_row = 0, b_col = 0;  // strides of b [k, n]
};

// y [m, n], row-major = a b
template <typename T>
void matmul(const MatmulParams& p, const T* a, const T* b, T* y);

}  // namespace precis::kernels::reference
