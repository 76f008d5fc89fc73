// Normalizations. Means and variances are plain sequential sums in the type of the data; for f32 and f64.
#pragma once

#include <cstdint>

#include "precis/kernels/reference/walk.h"

namespace precis::kernels::reference {

// y = (x - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + bias[c], x [batch, channels, inner]
template <typename T>
struct BatchNormParams {
  int64_t batch = 1, channels = 1, inner = 1;
  const T *scale = nullptr, *bias = nullptr, *mean = nullptr, *variance = nullptr;
  T epsilon = 0;
};
template <typename T>
void batch_norm(const BatchNormParams<T>& p, const T* x, T* y);

// Mean and (population) variance of each channel over batch and inner.
template <typename T>
void channel_moments(int64_t batch, int64_t channels, int64_t inner, const T* x, T* mean, T* variance);

// y = x / (bias + alpha / size * sum of x^2 over the `size` neighbouring channels)^beta;
// the window of channel c is [c - floor((size - 1) / 2), c + ceil((size - 1) / 2)]
struct LrnParams {
  int64_t batch = 1, channels = 1, inner = 1, size = 1;
  double alpha = 0, beta = 0, bias = 0;
};
template <typename T>
void lrn(const LrnParams& p, const T* x, T* y);

// Each of `outer` rows of n values: y = (x - mean) / sqrt(variance + epsilon). mean and inv_std_dev (may be
// null): one per row.
template <typename T>
void normalize_rows(int64_t outer, int64_t n, T epsilon, const T* x, T* y, T* mean, T* inv_std_dev);

// Each row: y = x / sqrt(mean of x^2 + epsilon).
template <typename T>
void rms_normalize_rows(int64_t outer, int64_t n, T epsilon, const T* x, T* y);

// Slices of [outer, n, inner] along n divided by their 1-norm or 2-norm (p = 1 or 2); a zero norm gives 0.
template <typename T>
void lp_normalize(int64_t outer, int64_t n, int64_t inner, int64_t p, const T* x, T* y);

// y = (x - mean) / (standard deviation + epsilon) over the `count` elements of each group; operand 0 of the
// walk is x and y, operand 1 the number of the group.
template <typename T>
void normalize_groups(const Walk<2>& walk, int64_t groups, int64_t count, T epsilon, const T* x, T* y);

}  // namespace precis::kernels::reference
