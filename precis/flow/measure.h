// Latency on this machine: warm-up, then timed runs, two models interleaved so that drift hits both (paired ratios).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "precis/data/source.h"
#include "precis/graph/graph.h"
#include "precis/runtime/session.h"

namespace precis::flow {

struct MeasureOptions {
  int threads = 1;
  double seconds = 1.0;           // per model, at least `min_runs` runs
  int min_runs = 10, warmup = 3;
  int64_t batch = 1;              // for dynamic first dimensions
  std::vector<Shape> input_shapes;  // overrides
};

struct Latency {
  double median_ms = 0, p90_ms = 0, p99_ms = 0, mean_ms = 0, sd_ms = 0, min_ms = 0;
  int64_t runs = 0;
  int threads = 1;
};

Latency latency_of(std::vector<double> ms, int threads);  // of one run or more

struct PairedLatency {
  Latency first, second;
  double ratio = 1;               // median over pairs of second / first
  double ratio_low = 1, ratio_high = 1;  // middle half of the pairs
};

// Shapes of the first sample, which free dimensions take when a model is timed for its data; empty without data.
std::vector<Shape> sample_shapes(const data::DataSource* source);
// Inputs are deterministic: Rng values for floats, small integers for integers, unknown dimensions = 1.
std::vector<Tensor> synthetic_inputs(const Graph& graph, const MeasureOptions& options);
Latency measure(const Graph& graph, const MeasureOptions& options);
PairedLatency measure_pair(const Graph& first, const Graph& second, const MeasureOptions& options);
// Shortest seconds of each step (by the name of its main node) of one model, in plan order.
std::vector<std::pair<std::string, double>> measure_steps(const Graph& graph, const MeasureOptions& options);

uint64_t peak_rss_bytes();        // of this process so far
double process_seconds();         // wall time since the first call

}  // namespace precis::flow
