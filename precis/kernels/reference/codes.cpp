// The scalar loops of the integer contract.
#include "precis/kernels/reference/codes.h"

#include <algorithm>

namespace precis::kernels::reference {

template <typename C>
void quantize(int64_t n, const float* x, float scale, const OutputGrid& grid, C* y) {
  for (int64_t i = 0; i < n; ++i)
    y[i] = static_cast<C>(quantize_value(x[i], scale, grid.zero_point, grid.code_min, grid.code_max));
}

template <typename C>
void dequantize(int64_t n, const C* x, float scale, int32_t zero_point, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(static_cast<int64_t>(x[i]) - zero_point) * scale;
}

template <typename C>
void center_codes(int64_t n, const C* x, int32_t zero_point, int32_t* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<int32_t>(static_cast<int64_t>(x[i]) - zero_point);
}

template <typename C>
void narrow_codes(int64_t n, const int32_t* x, C* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<C>(x[i]);
}

void rescale_codes(int64_t n, const int32_t* x, float multiplier, const OutputGrid& grid, int32_t* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = round_to_grid(static_cast<float>(x[i]) * multiplier, grid);
}

void add_codes(const AddCodes& p, const Walk<3>& walk, const int32_t* a, const int32_t* b, int32_t* y) {
  for_each_row(walk, [&](const auto& at, int64_t n, const auto& step) {
    for (int64_t i = 0; i < n; ++i) {
      const float ta = static_cast<float>(a[at[0] + i * step[0]]) * p.multiplier_a;
      const float t = std::fma(static_cast<float>(b[at[1] + i * step[1]]), p.multiplier_b, ta);
      y[at[2] + i * step[2]] = round_to_grid(activate(p.activation, t), p.grid);
    }
  });
}

void multiply_codes(const MultiplyCodes& p, const Walk<3>& walk, const int32_t* a, const int32_t* b,
                    int32_t* y) {
  for_each_row(walk, [&](const auto& at, int64_t n, const auto& step) {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t product = int64_t{a[at[0] + i * step[0]]} * b[at[1] + i * step[1]];
      y[at[2] + i * step[2]] =
          round_to_grid(activate(p.activation, static_cast<float>(product) * p.multiplier), p.grid);
    }
  });
}

void affine_codes(const AffineCodes& p, int64_t n, const int32_t* x, int32_t* y) {
  for (int64_t i = 0; i < n; ++i) {
    const float t = std::fma(static_cast<float>(x[i]), p.multiplier, p.offset);
    y[i] = round_to_grid(activate(p.activation, t), p.grid);
  }
}

DynamicGrid dynamic_grid_u8(int64_t n, const float* x) {
  float lo = 0, hi = 0;
  for (int64_t i = 0; i < n; ++i) {
    lo = std::min(lo, x[i]);
    hi = std::max(hi, x[i]);
  }
  return dynamic_grid_u8(lo, hi);
}

DynamicGrid dynamic_grid_u8(float lo, float hi) {
  DynamicGrid g;
  if (lo == hi) return g;
  g.scale = (hi - lo) / 255.0f;
  g.zero_point = saturate_to_int(round_half_even(0.0f - lo / g.scale), 0, 255, 0);
  return g;
}

#define PRECIS_CODES(C)                                                        \
  template void quantize(int64_t, const float*, float, const OutputGrid&, C*); \
  template void dequantize(int64_t, const C*, float, int32_t, float*);         \
  template void center_codes(int64_t, const C*, int32_t, int32_t*);            \
  template void narrow_codes(int64_t, const int32_t*, C*);
PRECIS_CODES(int8_t)
PRECIS_CODES(uint8_t)
PRECIS_CODES(int16_t)
PRECIS_CODES(uint16_t)
PRECIS_CODES(int32_t)
#undef PRECIS_CODES

}  // namespace precis::kernels::reference
