// y[i, :] += a[i, k] * b[k, :], k ascending: sequential per element, contiguous over n.
#include "precis/kernels/reference/matmul.h"

#include <algorithm>
#include <type_traits>

namespace precis::kernels::reference {
namespace {

template <typename T>
void add_scaled_row(int64_t n, T scale, const T* b, int64_t b_step, T* y) {
  for (int64_t j = 0; j < n; ++j) {
    if constexpr (std::is_integral_v<T>) {
      using U = std::make_unsigned_t<T>;
      y[j] = static_cast<T>(static_cast<U>(y[j]) + static_cast<U>(scale) * static_cast<U>(b[j * b_step]));
    } else {
      y[j] += scale * b[j * b_step];
    }
  }
}

}  // namespace

template <typename T>
void matmul(const MatmulParams& p, const T* a, const T* b, T* y) {
  std::fill_n(y, p.m * p.n, T{});
  for (int64_t i = 0; i < p.m; ++i)
    for (int64_t k = 0; k < p.k; ++k)
      add_scaled_row(p.n, a[i * p.a_row + k * p.a_col], b + k * p.b_row, p.b_col, y + i * p.n);
}

template void matmul(const MatmulParams&, const float*, const float*, float*);
template void matmul(const MatmulParams&, const double*, const double*, double*);
template void matmul(const MatmulParams&, const int32_t*, const int32_t*, int32_t*);
template void matmul(const MatmulParams&, const uint32_t*, const uint32_t*, uint32_t*);
template void matmul(const MatmulParams&, const int64_t*, const int64_t*, int64_t*);
template void matmul(const MatmulParams&, const uint64_t*, const uint64_t*, uint64_t*);

}  // namespace precis::kernels::reference
