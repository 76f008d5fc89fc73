// Sums of products over any dimensions, and determinants.
#pragma once

#include <cstdint>

#include "precis/kernels/reference/walk.h"

namespace precis::kernels::reference {

// y += a * b over the walk (operands a, b, y; stride 0 in y sums). f32, f64 and integers, which wrap.
template <typename T>
void multiply_add(const Walk<3>& walk, const T* a, const T* b, T* y);

// The determinant of the matrix [n, n], by elimination with row pivots; `a` is destroyed. f32 and f64.
template <typename T>
T determinant(int64_t n, T* a);

}  // namespace precis::kernels::reference
