// Do two models give the same outputs? Integers exactly; floats may differ by what another order of the same
// sums makes of them, and not by more.
#pragma once

#include <string>
#include <vector>

#include "precis/flow/evaluate.h"

namespace precis::flow {

// Of the largest magnitude in the output, for models that compute in f32 or f64; half-precision ones are
// allowed kHalfTolerance.
inline constexpr double kTolerance = 1e-4, kHalfTolerance = 2e-2;

struct EqualityOptions {
  runtime::Engine engine = runtime::Engine::kFast;
  FeedOptions feed;
  Progress progress;
};

struct OutputEquality {
  std::string name;
  double difference = 0;  // the largest one met, as a share of the largest magnitude in its output
  bool bit_equal = true;
};

struct Equality {
  int64_t samples = 0;
  double tolerance = 0;
  bool values_compared = true;  // false for models that draw random numbers: types and shapes only
  std::vector<OutputEquality> outputs;
};

// Runs both on every sample of `source`. Outputs are matched by position and must have the same names, types
// and shapes. Error(kVerify) naming the first output that differs, the sample and both values; Error(kUsage)
// where the source is empty.
Equality check_equal(const Graph& reference, const Graph& candidate, const data::DataSource& source,
                     const EqualityOptions& options);
void merge(Equality& to, const Equality& from);  // of the same models on other samples

// Made-up samples for a model that brings none: `count` of them, seeded, as `random` data. Free dimensions
// are 1 as in other commands, and once more 3 or what the model runs with (32, 224): a source for each.
// `shapes` (by input, may be empty) are taken as they are.
struct RandomSources {
  std::vector<data::SourcePtr> sources;
  std::vector<std::string> lengths;  // of the free dimensions, in words; empty where there are none
};
RandomSources random_sources(const Graph& graph, const std::vector<Shape>& shapes, int64_t count,
                             const EqualityOptions& options);

}  // namespace precis::flow
