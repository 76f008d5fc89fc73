// What the model is really fed: minimum, maximum, mean and deviation of the first samples, and warnings about
// ranges that look like a preprocessing mistake (the usual reason why "quantization broke my model").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "precis/data/source.h"

namespace precis::data {

struct InputStatistics {
  std::string name;
  DType dtype = DType::kUndefined;
  Shape first_shape;   // of the first sample
  int64_t values = 0;  // finite ones
  int64_t non_finite = 0;
  double min = 0.0, max = 0.0, mean = 0.0, stddev = 0.0;  // over the finite values
};

inline constexpr int64_t kStatisticsSamples = 32;

// One sample's, and the statistics of two runs of samples joined (the later one second).
std::vector<InputStatistics> sample_statistics(const Sample& sample, const std::vector<InputSpec>& inputs);
void merge_statistics(std::vector<InputStatistics>& into, const std::vector<InputStatistics>& later);

// Over the first min(samples, size) samples of `source`, one thread, in sample order.
std::vector<InputStatistics> input_statistics(const DataSource& source, const std::vector<InputSpec>& inputs,
                                              int64_t samples = kStatisticsSamples);
std::string statistics_text(
    const InputStatistics& s);  // "input 'data' f32 [1,3,224,224]: min -2.118 max 2.640 mean ..."

enum class Pixels {
  kAsChosen,
  kUnscaled
};  // kUnscaled: pictures are fed, and the user gave no preprocessing
// One sentence for each doubt about a float input: NaN or infinity; one value everywhere; pixels 0..255 that
// nobody asked for (max above kRawPixelRange with `pixels` == kUnscaled); all values below kTinyRange (scaled
// twice).
inline constexpr double kRawPixelRange = 16.0;
inline constexpr double kTinyRange = 0.02;
std::vector<std::string> range_warnings(const std::vector<InputStatistics>& statistics, Pixels pixels);

// Error(kUsage) naming sample, input, element and value when a float input holds NaN or infinity.
void check_finite(const Sample& sample, const std::vector<InputSpec>& inputs);

}  // namespace precis::data
