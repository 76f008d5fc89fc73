// Trains the demo network: SGD with Nesterov momentum, one warm-up epoch, then a cosine down to zero; label
// smoothing. Every step splits its batch into two fixed halves, each on a thread of its own, and averages the
// gradients in one order: the result depends on neither the number of cores nor on how busy they are.
#pragma once

#include <torch/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fashion_idx.h"
#include "fashion_net.h"

namespace train_demo {

struct TrainOptions {
  std::uint64_t seed = 7;
  int epochs = 12;
};

// Logits of the given rows without augmentation, f32 [rows, 10], with the running statistics of batch
// normalization.
torch::Tensor evaluate(FashionNet& net, const LabelledImages& set, const std::vector<std::size_t>& rows);

// How many of `rows` the logits class as their label says.
std::size_t count_correct(const torch::Tensor& logits, const LabelledImages& set,
                          const std::vector<std::size_t>& rows);

// Trains on all rows but the last 5,000, which judge each epoch; leaves the weights of the best epoch (the
// earliest of equals) in `net`. Prints a line per epoch.
void train(FashionNet& net, const LabelledImages& set, const TrainOptions& options);

}  // namespace train_demo
