// Normalized rows (transformer.h), written once for every instruction set over FloatLanes. Included only by
// files compiled for one of them.
#pragma once

#include <cmath>

#include "precis/kernels/simd/float_stripes.h"
#include "precis/kernels/simd/transformer_tables.h"

namespace precis::kernels::simd {
namespace {

float mean_of(const float* x, int64_t n) {
  using V = FloatLanes;
  Stripes s = Stripes::of(0);
  s.over(x, n, 0, [](auto sum, auto v, int64_t) { return V::add(sum, v); });
  return s.sum() / static_cast<float>(n);
}

float mean_of_squares(const float* x, int64_t n, float centre) {
  using V = FloatLanes;
  Stripes s = Stripes::of(0);
  const auto c = V::set(centre);
  s.over(x, n, centre, [&](auto sum, auto v, int64_t) {
    const auto d = V::subtract(v, c);
    return V::fma(d, d, sum);
  });
  return s.sum() / static_cast<float>(n);
}

// y = (x - centre) * inverse * scale + bias
void scale_row(const NormalizeParams& p, const float* x, float centre, float inverse, float* y) {
  using V = FloatLanes;
  const auto c = V::set(centre), f = V::set(inverse);
  int64_t i = 0;
  for (; i + V::kCount <= p.n; i += V::kCount) {
    const auto v = V::multiply(V::multiply(V::subtract(V::load(x + i), c), f), V::load(p.scale + i));
    V::store(y + i, p.bias ? V::add(v, V::load(p.bias + i)) : v);
  }
  for (; i < p.n; ++i) {
    const float v = (x[i] - centre) * inverse * p.scale[i];
    y[i] = p.bias ? v + p.bias[i] : v;
  }
}

void normalize_rows(const NormalizeParams& p, int64_t rows, const float* x, float* y) {
  for (int64_t r = 0; r < rows; ++r, x += p.n, y += p.n) {
    const float centre = p.centred ? mean_of(x, p.n) : 0.0f;
    scale_row(p, x, centre, 1.0f / std::sqrt(mean_of_squares(x, p.n, centre) + p.epsilon), y);
  }
}

}  // namespace
}  // namespace precis::kernels::simd
