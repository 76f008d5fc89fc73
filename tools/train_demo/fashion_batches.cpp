// Batches and their augmentation. Plain loops: one batch is a few hundred kilobytes.
#include "fashion_batches.h"

#include <torch/torch.h>

#include <utility>

namespace train_demo {
namespace {

constexpr int kMaxShift = 2;

// The finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

std::uint64_t draw(EpochSeed random, std::uint64_t counter) {
  return mix(mix(mix(random.seed) ^ random.epoch) ^ counter);
}

// Where an image is moved to, and whether it is mirrored first.
struct Placement {
  int dx = 0;
  int dy = 0;
  bool mirrored = false;
};

Placement draw_placement(EpochSeed random, std::size_t row) {
  // The image counters start above every shuffle counter, so that both use different numbers.
  const std::uint64_t bits = draw(random, (std::uint64_t{1} << 32) + row);
  constexpr std::uint64_t kSteps = 2 * kMaxShift + 1;
  Placement p;
  p.dx = static_cast<int>((bits & 0xFFFF) % kSteps) - kMaxShift;
  p.dy = static_cast<int>(((bits >> 16) & 0xFFFF) % kSteps) - kMaxShift;
  p.mirrored = (bits >> 63) != 0;
  return p;
}

float normalized(std::uint8_t pixel) { return (static_cast<float>(pixel) * kPixelScale - kMean) / kStd; }

void place_image(const std::uint8_t* from, float* to, Placement p) {
  constexpr int kSide = static_cast<int>(kImageSide);
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const int sy = y - p.dy;
      const int moved = x - p.dx;
      const int sx = p.mirrored ? kSide - 1 - moved : moved;
      const bool inside = sy >= 0 && sy < kSide && sx >= 0 && sx < kSide;
      to[y * kSide + x] = normalized(inside ? from[sy * kSide + sx] : std::uint8_t{0});
    }
  }
}

template <typename PlacementOf>
Batch make_batch(const LabelledImages& set, const std::size_t* rows, std::size_t count,
                 PlacementOf placement_of) {
  const auto n = static_cast<std::int64_t>(count);
  constexpr auto kSide = static_cast<std::int64_t>(kImageSide);
  Batch batch{torch::empty({n, 1, kSide, kSide}, torch::kFloat32), torch::empty({n}, torch::kInt64)};
  float* images = batch.images.data_ptr<float>();
  std::int64_t* labels = batch.labels.data_ptr<std::int64_t>();
  for (std::size_t i = 0; i < count; ++i) {
    place_image(set.pixels.data() + rows[i] * kImagePixels, images + i * kImagePixels, placement_of(rows[i]));
    labels[i] = set.labels[rows[i]];
  }
  return batch;
}

}  // namespace

std::vector<std::size_t> shuffled(std::vector<std::size_t> rows, EpochSeed random) {
  for (std::size_t i = rows.size(); i > 1; --i) {
    std::swap(rows[i - 1], rows[draw(random, i) % i]);
  }
  return rows;
}

Batch plain_batch(const LabelledImages& set, const std::size_t* rows, std::size_t count) {
  return make_batch(set, rows, count, [](std::size_t) { return Placement{}; });
}

Batch augmented_batch(const LabelledImages& set, const std::size_t* rows, std::size_t count,
                      EpochSeed random) {
  return make_batch(set, rows, count, [random](std::size_t row) { return draw_placement(random, row); });
}

}  // namespace train_demo
