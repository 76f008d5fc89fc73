// Codes for weights and biases, with the proof that no int32 accumulator can overflow. Internal to precis/passes.
#pragma once

#include <functional>
#include <vector>

#include "precis/core/encoding.h"
#include "precis/core/tensor.h"
#include "precis/passes/quantize_static.h"

namespace precis::passes {

struct WeightRequest {
  const Tensor* weights = nullptr;  // f32
  int axis = -1;                    // output channels; -1 = per tensor
  int64_t channels = 1;             // output channels, also when per tensor
  const Tensor* bias = nullptr;     // f32, one value per output channel; null = none
  Encoding input;                   // of the data operand, per tensor
  float result_scale = 0;           // of the codes that the accumulators become; 0 = a float result, or several of them
  int64_t denominator = 1;          // the multipliers' denominators are multiples of it (a residual's, see settle_scales.h); 0 = none will do
  quant::GridSpec grid;
  bool isa_safe = false;
  // Mean shift of every output channel that these codes cause, taken from the bias; null or an empty answer: no correction.
  std::function<std::vector<double>(const Tensor& codes, const Encoding& encoding)> mean_shift;
};

struct WeightCodes {
  Tensor weights;                   // codes
  Encoding encoding;
  Tensor bias;                      // i32 codes; undefined without bias
  Encoding bias_encoding;
  ChannelProof proof;               // node is left to the caller
};

// Scales are raised for channels whose bias or accumulator would not fit 32 bits. Error(kMalformed) on NaN/Inf.
WeightCodes quantize_weights(const WeightRequest& request);

}  // namespace precis::passes
