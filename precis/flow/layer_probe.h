// How far the values inside two models are apart: which of them can be compared, what one sample says, and
// the likely causes. Internal to precis/flow.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "precis/data/metrics.h"
#include "precis/flow/evaluate.h"
#include "precis/graph/graph.h"
#include "precis/runtime/session.h"

namespace precis::flow {

// One compared value.
struct LayerStats {
  data::SquaredError error;
  double share_clipped = 0;  // of the reference's values beyond the candidate's codes, summed over samples
  int64_t samples = 0;
  void merge(const LayerStats& later);
};

class LayerProbe {
 public:
  // The compared values are those that both models really compute: the candidate's fused integer operations
  // leave only their results, so the float values between a convolution and its requantization are not among
  // them.
  LayerProbe(const Graph& reference, const Graph& candidate);

  const std::vector<std::string>& names() const { return names_; }

  // Runs both tapped sessions on one sample; one entry per name. `outputs` receives what each returned.
  std::vector<LayerStats> sample(runtime::Session& reference, runtime::Session& candidate,
                                 std::span<const Tensor> inputs,
                                 std::vector<std::vector<Tensor>>& outputs) const;

  // Sorted, worst first. `totals`: the merged samples.
  std::vector<LayerComparison> finish(const std::vector<LayerStats>& totals) const;

 private:
  LayerStats compare_value(const std::string& name, const Tensor& reference, const Tensor& candidate) const;

  const Graph& a_;
  const Graph& b_;
  std::vector<std::string> names_;
  std::map<std::string, size_t, std::less<>> positions_;
};

}  // namespace precis::flow
