// Plain loops; integers are multiplied as unsigned numbers of at least 32 bits, whose overflow is defined.
#include "precis/kernels/reference/contract.h"

#include <cmath>
#include <type_traits>
#include <utility>

namespace precis::kernels::reference {
namespace {

template <typename T>
T product_sum(T y, T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return y + a * b;
  } else {
    return static_cast<T>(static_cast<uint64_t>(y) + static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  }
}

}  // namespace

template <typename T>
void multiply_add(const Walk<3>& walk, const T* a, const T* b, T* y) {
  for_each_row(walk, [&](const auto& at, int64_t n, const auto& steps) {
    for (int64_t i = 0; i < n; ++i) {
      T& out = y[at[2] + i * steps[2]];
      out = product_sum(out, a[at[0] + i * steps[0]], b[at[1] + i * steps[1]]);
    }
  });
}

template <typename T>
T determinant(int64_t n, T* a) {
  T result = 1;
  for (int64_t c = 0; c < n; ++c) {
    int64_t pivot = c;
    for (int64_t r = c + 1; r < n; ++r)
      if (std::abs(a[r * n + c]) > std::abs(a[pivot * n + c])) pivot = r;
    if (a[pivot * n + c] == 0) return 0;
    if (pivot != c) {
      for (int64_t k = 0; k < n; ++k) std::swap(a[c * n + k], a[pivot * n + k]);
      result = -result;
    }
    result *= a[c * n + c];
    for (int64_t r = c + 1; r < n; ++r) {
      const T factor = a[r * n + c] / a[c * n + c];
      for (int64_t k = c; k < n; ++k) a[r * n + k] -= factor * a[c * n + k];
    }
  }
  return result;
}

#define PRECIS_NUMBERS(T) template void multiply_add(const Walk<3>&, const T*, const T*, T*);
PRECIS_NUMBERS(float)
PRECIS_NUMBERS(double)
PRECIS_NUMBERS(int8_t)
PRECIS_NUMBERS(uint8_t)
PRECIS_NUMBERS(int16_t)
PRECIS_NUMBERS(uint16_t)
PRECIS_NUMBERS(int32_t)
PRECIS_NUMBERS(uint32_t)
PRECIS_NUMBERS(int64_t)
PRECIS_NUMBERS(uint64_t)
#undef PRECIS_NUMBERS
template float determinant(int64_t, float*);
template double determinant(int64_t, double*);

}  // namespace precis::kernels::reference
