// Where a model's time goes: every step of its plan, beside what the machine could do.
#pragma once

#include <string>
#include <vector>

#include "precis/flow/machine_peak.h"
#include "precis/flow/measure.h"

namespace precis::flow {

struct ProfiledStep {
  runtime::StepInfo info;
  double median_ms = 0, min_ms = 0;
  // At the median: operations (two a multiply-add) and bytes a nanosecond.
  double gops() const { return median_ms > 0 ? 2 * info.macs / median_ms / 1e6 : 0; }
  double gb_s() const { return median_ms > 0 ? info.bytes / median_ms / 1e6 : 0; }
};

struct Profile {
  Latency latency;     // of whole runs without the clock in between
  MachinePeak peak;    // of as many threads
  std::vector<ProfiledStep> steps;
  std::vector<std::vector<runtime::Session::StepTime>> traced;  // the last runs, step by step
  double steps_ms() const;   // the sum of the medians
  // What a step's operations are compared with; 0: nothing to compare.
  double peak_of(const ProfiledStep& step) const { return step.info.macs <= 0 ? 0 : step.info.quantized ? peak.gops : peak.gflops; }
};

Profile profile(const Graph& graph, const MeasureOptions& options);

}  // namespace precis::flow
