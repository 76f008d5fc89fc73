// Loops over codes: between reals and codes, and the element-wise integer operators of docs/quantization.md.
// C: i8, u8, i16, u16, i32. "Centred" codes have the zero point subtracted and are held as i32.
#pragma once

#include <cstdint>

#include "precis/kernels/reference/requantize.h"
#include "precis/kernels/reference/walk.h"

namespace precis::kernels::reference {

// y = saturate(rne(x / scale) + zero_point)
template <typename C>
void quantize(int64_t n, const float* x, float scale, const OutputGrid& grid, C* y);
// y = (x - zero_point) * scale
template <typename C>
void dequantize(int64_t n, const C* x, float scale, int32_t zero_point, float* y);
// y = x - zero_point, and back with conversion to C (values fit).
template <typename C>
void center_codes(int64_t n, const C* x, int32_t zero_point, int32_t* y);
template <typename C>
void narrow_codes(int64_t n, const int32_t* x, C* y);

// Centred codes -> codes of another grid: y = round_to_grid(x * multiplier)
void rescale_codes(int64_t n, const int32_t* x, float multiplier, const OutputGrid& grid, int32_t* y);

// y = round_to_grid(activate(fma(b, multiplier_b, a * multiplier_a))); the walk's operands are a, b, y.
struct AddCodes {
  float multiplier_a = 1, multiplier_b = 1;
  FusedActivation activation;
  OutputGrid grid;
};
void add_codes(const AddCodes& p, const Walk<3>& walk, const int32_t* a, const int32_t* b, int32_t* y);
// y = round_to_grid(activate(float(a * b) * multiplier))
struct MultiplyCodes {
  float multiplier = 1;
  FusedActivation activation;
  OutputGrid grid;
};
void multiply_codes(const MultiplyCodes& p, const Walk<3>& walk, const int32_t* a, const int32_t* b,
                    int32_t* y);

// y = round_to_grid(activate(fma(x, multiplier, offset))): one channel of a map x * a + b.
struct AffineCodes {
  float multiplier = 1, offset = 0;
  FusedActivation activation;
  OutputGrid grid;
};
void affine_codes(const AffineCodes& p, int64_t n, const int32_t* x, int32_t* y);

// Scale and zero point (u8) of DynamicQuantizeLinear: the range of x widened to hold 0; a constant 0 gives
// scale 1.
struct DynamicGrid {
  float scale = 1;
  int32_t zero_point = 0;
};
DynamicGrid dynamic_grid_u8(int64_t n, const float* x);
DynamicGrid dynamic_grid_u8(float low, float high);  // of a range that holds 0

}  // namespace precis::kernels::reference
