// One pass over a data set that answers everything asked about one model or two: each sample is read once,
// all models run on it, and per-sample findings are joined in sample order, so no figure depends on the
// thread count. Internal to precis/flow.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "precis/flow/evaluate.h"

namespace precis::flow {

struct JudgeOptions {
  runtime::Engine engine = runtime::Engine::kFast;
  FeedOptions feed;
  std::string phase = "judge";  // for the progress line
  Progress progress;
  bool accuracy = false;   // EvalResult of every model
  int64_t compared = 0;    // two models: rows (at most, evenly spread) whose outputs are compared; -1 = all
  int64_t layer_rows = 0;  // two models: rows whose inner values are compared; 0 = none
};

struct Judgement {
  std::vector<EvalResult> models;           // with `accuracy`, one per model
  std::optional<CompareResult> comparison;  // models[1] against models[0]; unless `compared` is 0
};

Judgement judge(const std::vector<const Graph*>& models, const data::DataSource& source,
                const JudgeOptions& options);

// Whether row `index` is one of at most `count` rows evenly spread over `size` (row k * size / count); count
// -1 = all.
bool is_spread_row(int64_t index, int64_t count, int64_t size);

}  // namespace precis::flow
