// Calibrator: runs the prepared float graph over a DataSource with taps and fills a RangeTable.
// Samples run in parallel, each on one thread, and merge in sample order: the table does not depend on the
// thread count. Memory does not depend on the number of samples.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "precis/data/source.h"
#include "precis/graph/graph.h"
#include "precis/quant/range_table.h"

namespace precis::calib {

struct CalibrateOptions {
  std::vector<std::string> values;  // names of the values to observe
  std::vector<std::string> averages;                          // names of the values whose channel means are wanted
  bool histograms = true;  // false: for observers that need none, and a table that nobody keeps
  std::function<void(int64_t done, int64_t total)>
      progress;  // called from one thread at a time; may throw to cancel
  // Sees every sample as it was read; called from several threads at once, in any order.
  std::function<void(int64_t index, const data::Sample& sample)> watch;
};

// Errors: kMalformed on NaN/Inf naming value, sample and index; kUsage when the source is empty.
quant::RangeTable calibrate(const Graph& graph, const data::DataSource& source,
                            const CalibrateOptions& options);
std::string graph_hash(const Graph& graph);  // of the prepared graph: structure, names and weights

}  // namespace precis::calib
