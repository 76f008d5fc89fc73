// Running a model over data and keeping its outputs as npy files.
#pragma once

#include <string>
#include <vector>

#include "precis/core/io.h"
#include "precis/flow/evaluate.h"

namespace precis::flow {

struct RunModelOptions {
  runtime::Engine engine = runtime::Engine::kFast;
  FeedOptions feed;
  Overwrite overwrite = Overwrite::kRefuse;
  double max_seconds = 0;  // no sample begins later than this: Error(kLimit); 0 = no limit
  Progress progress;
};

struct RunModelResult {
  int64_t samples = 0;
  std::vector<std::string> files;    // one per output: OUTPUT_NAME.npy, samples stacked along axis 0
  std::vector<std::string> shapes;
};

// Outputs of equal shape [1, ...] per sample stack to [samples, ...]; where shapes differ between samples one file per sample
// is written. Names are made safe for the file system.
RunModelResult run_model(const Graph& graph, const data::DataSource& source, const std::string& folder, const RunModelOptions& options);

}  // namespace precis::flow
