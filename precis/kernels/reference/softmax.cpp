// One slice at a time: maximum, sum of exponentials (sequential), result.
#include "precis/kernels/reference/softmax.h"

#include <cmath>

namespace precis::kernels::reference {
namespace {

template <typename T>
void softmax_slice(SoftmaxOp op, int64_t n, int64_t step, const T* x, T* y) {
  int64_t best = 0;
  for (int64_t i = 1; i < n; ++i)
    if (x[i * step] > x[best * step]) best = i;
  if (op == SoftmaxOp::kHardmax) {
    for (int64_t i = 0; i < n; ++i) y[i * step] = i == best ? T{1} : T{0};
    return;
  }
  const T top = x[best * step];
  T sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    const T e = std::exp(x[i * step] - top);
    sum += e;
    y[i * step] = op == SoftmaxOp::kSoftmax ? e : x[i * step] - top;
  }
  const T log_sum = std::log(sum);
  for (int64_t i = 0; i < n; ++i) {
    if (op == SoftmaxOp::kSoftmax)
      y[i * step] /= sum;
    else
      y[i * step] -= log_sum;
  }
}

}  // namespace

template <typename T>
void softmax(SoftmaxOp op, int64_t outer, int64_t n, int64_t inner, const T* x, T* y) {
  if (n == 0) return;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i)
      softmax_slice(op, n, inner, x + o * n * inner + i, y + o * n * inner + i);
}

template void softmax(SoftmaxOp, int64_t, int64_t, int64_t, const float*, float*);
template void softmax(SoftmaxOp, int64_t, int64_t, int64_t, const double*, double*);

}  // namespace precis::kernels::reference
