// Floats of 8 and 4 bits (DType kF8E4M3FN ... kF4E2M1): exact conversions from and to double, with the two
// choices that ONNX Cast offers: what becomes of values out of range, and how powers of two (f8e8m0) are
// rounded.
#pragma once

#include <cstdint>

#include "precis/core/dtype.h"

namespace precis {

// How a value between two powers of two is rounded into f8e8m0; ties of kNearest go up.
enum class PowerRounding : uint8_t { kUp, kDown, kNearest };

struct NarrowRules {
  bool saturate = true;  // out of range: the largest value; else NaN or infinity, whichever the type has
  PowerRounding powers = PowerRounding::kUp;
};

// The value of the low bits of `bits`. Error(kInternal) when `dtype` is no narrow float.
double narrow_to_double(DType dtype, uint8_t bits);
// Rounds half to even (f8e8m0: as the rules say, the sign is lost and zero becomes the smallest power). NaN
// stays NaN; f4e2m1 has none and takes -0.
uint8_t double_to_narrow(DType dtype, double value, const NarrowRules& rules = {});

}  // namespace precis
