// Two models over the same samples: outputs by name, and with --layers the values of the same name inside.
#include "precis/data/metrics.h"
#include "precis/flow/evaluate.h"
#include "precis/flow/judge.h"

namespace precis::flow {

CompareResult compare(const Graph& reference, const Graph& candidate, const data::DataSource& source,
                      const CompareOptions& options) {
  JudgeOptions judging;
  judging.phase = "compare";
  judging.progress = options.progress;
  judging.compared = -1;
  if (options.layers == CompareOptions::Layers::kAll) judging.layer_rows = kLayerSamples;
  return *judge({&reference, &candidate}, source, judging).comparison;
}

Interval paired_interval(const std::vector<char>& before, const std::vector<char>& after) {
  data::PairedAccuracy p;
  for (size_t i = 0; i < before.size() && i < after.size(); ++i) p.add(before[i] != 0, after[i] != 0);
  const data::Interval w = p.interval();
  return {w.low, w.high};
}

}  // namespace precis::flow
