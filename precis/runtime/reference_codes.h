// Whole tensors between codes and reals by an Encoding: fast rows for one scale per tensor or per axis,
// precis::quant for every other block form. Internal to precis/runtime.
#pragma once

#include "precis/core/encoding.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {

Tensor encoded(const Node& node, const Tensor& real, const Encoding& e);   // any float type -> codes
Tensor decoded(const Node& node, const Tensor& codes, const Encoding& e);  // codes -> f32

}  // namespace precis::runtime
