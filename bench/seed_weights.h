// Gives a network random weights that it could have begun training with. The light graphs of the ONNX
// conformance suite keep the shapes of nine well-known networks and fill the weights with constants, which no
// quantizer or runtime treats as real ones.
#pragma once

#include <cstdint>

#include "precis/graph/graph.h"

namespace precis::bench {

struct SeedReport {
  int64_t tensors = 0;
  int64_t parameters = 0;
};

// Every f32 initializer or constant fill that is a weight, a bias or a batch norm's parameter gets new
// contents, all of them: weights He-normal by their consumer's fan-in (half the variance where no Relu
// follows), biases and means about 0, scales and variances about 1. Fills (ConstantOfShape, reshaped or not)
// become ordinary initializers. The numbers depend on the seed and the initializer's name alone.
// Error(kUsage) when the model has nothing to seed.
SeedReport seed_weights(Model& model, uint64_t seed);

}  // namespace precis::bench
