// Evaluating a model on data, and comparing two: samples run in parallel, each on one thread; metrics merge in sample order.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "precis/data/source.h"
#include "precis/flow/feed.h"
#include "precis/graph/graph.h"
#include "precis/runtime/session.h"

namespace precis::flow {

using Progress = std::function<void(const std::string& phase, int64_t done, int64_t total)>;

std::vector<data::InputSpec> input_specs(const Graph& graph);

struct EvalOptions {
  runtime::Engine engine = runtime::Engine::kFast;
  FeedOptions feed;
  Progress progress;
  std::string metric_command;     // run once with the folder of output npy files as last argument; prints a number
};

struct Interval {                 // 95 %
  double low = 0, high = 0;
};

struct EvalResult {
  int64_t samples = 0;
  int64_t labelled = 0;
  std::optional<double> top1, top5, rmse, command;   // rates as fractions of 1
  std::optional<double> auc;                         // one score a sample; top1 is then the accuracy at 0.5
  std::optional<double> nats;                        // per token, for sequences (data option task=next-token)
  int64_t top1_count = 0, top5_count = 0;
  Interval top1_interval;                            // Wilson
  std::vector<char> correct;                         // per label, top-1; for paired intervals
  std::vector<int32_t> predictions;                  // arg max of output 0 per sample, -1 where it has no classes
};

// Error(kUsage) when the source is empty or a label is outside the model's classes.
EvalResult evaluate(const Graph& graph, const data::DataSource& source, const EvalOptions& options);

struct OutputComparison {
  std::string name;
  double sqnr_db = 0, cosine = 1, max_abs = 0, kl = 0;
};

struct LayerComparison {
  std::string name, op, cause;    // cause: likely reason of a low SQNR ("range clipped 0.8 % of the values", "outlier channel 17" ...)
  double sqnr_db = 0;
};

struct CompareResult {
  int64_t samples = 0;
  std::vector<OutputComparison> outputs;
  std::optional<double> top1_agreement;
  std::vector<LayerComparison> layers;               // sorted, worst first; empty unless asked for
  int64_t layer_samples = 0;                         // samples the layers were compared on
};

struct CompareOptions {
  enum class Layers { kNone, kAll };
  Layers layers = Layers::kNone;
  Progress progress;
};

// Layers are compared on at most this many samples, evenly spread.
inline constexpr int64_t kLayerSamples = 16;

// Outputs are matched by name (then by position). Layers are the values of the same name that both models compute: what a fused
// integer operation of the candidate does not leave behind is not compared.
CompareResult compare(const Graph& reference, const Graph& candidate, const data::DataSource& source, const CompareOptions& options);

// Low and high end of the paired 95 % interval of (after - before) for two rows of per-sample correctness.
Interval paired_interval(const std::vector<char>& before, const std::vector<char>& after);

}  // namespace precis::flow
