// `precis quantize` as a library call: read, run the recipe, write, read back, prove, report. Nothing is left under the output's
// name unless the proof holds.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "precis/data/source.h"
#include "precis/flow/evaluate.h"
#include "precis/flow/measure.h"
#include "precis/flow/recipe.h"
#include "precis/flow/run.h"

namespace precis::flow {

struct QuantizeRequest {
  std::string input, output;
  Recipe recipe;                                   // prepare, calibrate, quantize_static, write
  std::optional<data::DataSpec> calib, data;       // calib may be replaced by `ranges`
  std::string preprocess;                          // preset or file; "" = MODEL.preprocess.yaml beside the model when it is there
  std::string ranges, save_ranges;                 // RangeTable files
  std::vector<std::string> also_read, also_written;  // the caller's other files; no file that is written may be any other one
  InputFile::Links links = InputFile::Links::kRefuse;
  Overwrite overwrite = Overwrite::kRefuse;
  bool dry_run = false;                            // writes nothing; exact output size
  bool verify = true;
  std::optional<double> max_drop;                  // of top-1 (or 1 - agreement), fraction of 1
  bool keep_best = false;                          // writes even when the budget is missed (still exit 5)
  bool never_slower = false;                       // leaves the layers float that int8 makes slower here
  bool measure_speed = true;
  int bench_threads = 1;
  Progress progress;
};

struct ModelFacts {
  uint64_t bytes = 0;
  std::optional<EvalResult> eval;
  std::optional<Latency> latency;
};

struct QuantizeResult {
  enum class Outcome { kWritten, kDryRun, kAlreadyQuantized, kBudgetMissed, kLarger };
  Outcome outcome = Outcome::kWritten;
  ModelFacts before, after;
  std::optional<PairedLatency> speed;              // first = before, second = after
  std::optional<CompareResult> comparison;         // on data, or on the calibration rows when there are no others
  bool compared_on_calibration = false;
  std::optional<Interval> drop_interval;           // paired 95 % of after - before
  passes::QuantizeReport report;
  std::vector<LayerComparison> worst_layers;       // five, with causes
  std::vector<std::string> warnings, data_lines;   // data_lines: what was read, preprocessing, first batch statistics
  Recipe recipe;                                   // with measured choices; what the output's metadata holds
  std::vector<std::string> slower_layers;          // left float by never_slower
  std::string output_sha256;
  int64_t calib_samples = 0;
  std::map<std::string, double> stage_seconds;
  double seconds = 0;
  uint64_t peak_rss = 0;
  std::string message;                             // for outcomes that are not kWritten
};

QuantizeResult quantize(const QuantizeRequest& request);

}  // namespace precis::flow
