// Normalizations, two-pass: moments first, then the result.
#include "precis/kernels/reference/normalize.h"

#include <algorithm>
#include <cmath>

namespace precis::kernels::reference {

template <typename T>
void batch_norm(const BatchNormParams<T>& p, const T* x, T* y) {
  for (int64_t n = 0; n < p.batch; ++n)
    for (int64_t c = 0; c < p.channels; ++c) {
      const T factor = p.scale[c] / std::sqrt(p.variance[c] + p.epsilon);
      for (int64_t i = 0; i < p.inner; ++i) *y++ = (*x++ - p.mean[c]) * factor + p.bias[c];
    }
}

template <typename T>
void channel_moments(int64_t batch, int64_t channels, int64_t inner, const T* x, T* mean, T* variance) {
  const T count = static_cast<T>(batch * inner);
  for (int64_t c = 0; c < channels; ++c) {
    T sum = 0, squares = 0;
    for (int64_t n = 0; n < batch; ++n)
      for (int64_t i = 0; i < inner; ++i) sum += x[(n * channels + c) * inner + i];
    mean[c] = sum / count;
    for (int64_t n = 0; n < batch; ++n)
      for (int64_t i = 0; i < inner; ++i) {
        const T d = x[(n * channels + c) * inner + i] - mean[c];
        squares += d * d;
      }
    variance[c] = squares / count;
  }
}

template <typename T>
void lrn(const LrnParams& p, const T* x, T* y) {
  const T alpha = static_cast<T>(p.alpha / static_cast<double>(p.size)), beta = static_cast<T>(p.beta);
  for (int64_t n = 0; n < p.batch; ++n)
    for (int64_t c = 0; c < p.channels; ++c) {
      const int64_t first = std::max<int64_t>(0, c - (p.size - 1) / 2);
      const int64_t last = std::min(p.channels - 1, c + p.size / 2);
      for (int64_t i = 0; i < p.inner; ++i) {
        T sum = 0;
        for (int64_t k = first; k <= last; ++k) {
          const T v = x[(n * p.channels + k) * p.inner + i];
          sum += v * v;
        }
        const int64_t at = (n * p.channels + c) * p.inner + i;
        y[at] = x[at] / std::pow(static_cast<T>(p.bias) + alpha * sum, beta);
      }
    }
}

template <typename T>
void normalize_rows(int64_t outer, int64_t n, T epsilon, const T* x, T* y, T* mean, T* inv_std_dev) {
  for (int64_t o = 0; o < outer; ++o, x += n, y += n) {
    T sum = 0, squares = 0;
    for (int64_t i = 0; i < n; ++i) sum += x[i];
    const T m = sum / static_cast<T>(n);
    for (int64_t i = 0; i < n; ++i) squares += (x[i] - m) * (x[i] - m);
    const T inverse = 1 / std::sqrt(squares / static_cast<T>(n) + epsilon);
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - m) * inverse;
    if (mean) mean[o] = m;
    if (inv_std_dev) inv_std_dev[o] = inverse;
  }
}

template <typename T>
void rms_normalize_rows(int64_t outer, int64_t n, T epsilon, const T* x, T* y) {
  for (int64_t o = 0; o < outer; ++o, x += n, y += n) {
    T squares = 0;
    for (int64_t i = 0; i < n; ++i) squares += x[i] * x[i];
    const T inverse = 1 / std::sqrt(squares / static_cast<T>(n) + epsilon);
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] * inverse;
  }
}

template <typename T>
void lp_normalize(int64_t outer, int64_t n, int64_t inner, int64_t p, const T* x, T* y) {
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) {
      const int64_t base = o * n * inner + i;
      T norm = 0;
      for (int64_t k = 0; k < n; ++k) {
        const T v = x[base + k * inner];
        norm += p == 1 ? std::abs(v) : v * v;
      }
      if (p != 1) norm = std::sqrt(norm);
      for (int64_t k = 0; k < n; ++k) y[base + k * inner] = norm == 0 ? T{0} : x[base + k * inner] / norm;
    }
}

template <typename T>
void normalize_groups(const Walk<2>& walk, int64_t groups, int64_t count, T epsilon, const T* x, T* y) {
  std::vector<T> mean(static_cast<size_t>(groups), 0), deviation(static_cast<size_t>(groups), 0);
  const auto for_each = [&](auto f) {
    for_each_row(walk, [&](const auto& at, int64_t n, const auto& steps) {
      for (int64_t i = 0; i < n; ++i) f(at[0] + i * steps[0], static_cast<size_t>(at[1] + i * steps[1]));
    });
  };
  for_each([&](int64_t i, size_t g) { mean[g] += x[i]; });
  for (T& m : mean) m /= static_cast<T>(count);
  for_each([&](int64_t i, size_t g) { deviation[g] += (x[i] - mean[g]) * (x[i] - mean[g]); });
  for (T& d : deviation) d = std::sqrt(d / static_cast<T>(count)) + epsilon;
  for_each([&](int64_t i, size_t g) { y[i] = (x[i] - mean[g]) / deviation[g]; });
}

#define PRECIS_FLOATS(T)                                                        \
  template void batch_norm(const BatchNormParams<T>&, const T*, T*);            \
  template void channel_moments(int64_t, int64_t, int64_t, const T*, T*, T*);   \
  template void lrn(const LrnParams&, const T*, T*);                            \
  template void normalize_rows(int64_t, int64_t, T, const T*, T*, T*, T*);      \
  template void rms_normalize_rows(int64_t, int64_t, T, const T*, T*);          \
  template void lp_normalize(int64_t, int64_t, int64_t, int64_t, const T*, T*); \
  template void normalize_groups(const Walk<2>&, int64_t, int64_t, T, const T*, T*);
PRECIS_FLOATS(float)
PRECIS_FLOATS(double)
#undef PRECIS_FLOATS

}  // namespace precis::kernels::reference
