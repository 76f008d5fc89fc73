// Softmax and its relatives over one axis of a row-major tensor seen as [outer, n, inner]. For f32 and f64.
#pragma once

#include <cstdint>

namespace precis::kernels::reference {

enum class SoftmaxOp : uint8_t {
  kSoftmax,     // exp(x - max) / sum
  kLogSoftmax,  // (x - max) - ln(sum exp(x - max))
  kHardmax,     // 1 at the first maximum, 0 elsewhere
};
template <typename T>
void softmax(SoftmaxOp op, int64_t outer, int64_t n, int64_t inner, const T* x, T* y);

}  // namespace precis::kernels::reference
