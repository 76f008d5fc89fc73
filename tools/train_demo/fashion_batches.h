// Turns bytes into normalized float batches, with or without augmentation.
// Normalization is value = (pixel / 255 - mean) / std, the same numbers as in fashion_cnn.preprocess.yaml.
// Randomness comes from a counter-based hash of (seed, epoch, image), so a batch does not depend on the
// batches before it.
#pragma once

#include <torch/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fashion_idx.h"

namespace train_demo {

inline constexpr float kPixelScale = 1.0F / 255.0F;
inline constexpr float kMean = 0.2860F;
inline constexpr float kStd = 0.3530F;

struct Batch {
  torch::Tensor images;  // f32 [n, 1, 28, 28]
  torch::Tensor labels;  // i64 [n]
};

// Random numbers of one training epoch.
struct EpochSeed {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
};

// A permutation of `rows` that depends on nothing but the seed and the epoch.
std::vector<std::size_t> shuffled(std::vector<std::size_t> rows, EpochSeed random);

// The images as they are: for validation and test.
Batch plain_batch(const LabelledImages& set, const std::size_t* rows, std::size_t count);

// Each image shifted by up to two pixels in both directions (zeros move in) and mirrored half of the time.
Batch augmented_batch(const LabelledImages& set, const std::size_t* rows, std::size_t count,
                      EpochSeed random);

}  // namespace train_demo
