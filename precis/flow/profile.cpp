// Whole runs are timed first: looking at the clock after every step slows small networks down.
#include "precis/flow/profile.h"

#include <algorithm>

namespace precis::flow {
namespace {

constexpr size_t kTracedRuns = 3;

// Calls run() until both the runs and the seconds are enough.
template <typename Run>
void repeat(const MeasureOptions& options, const Run& run) {
  const double start = process_seconds();
  for (int runs = 0; runs < options.min_runs || process_seconds() - start < options.seconds; ++runs) run();
}

}  // namespace

double Profile::steps_ms() const {
  double sum = 0;
  for (const ProfiledStep& s : steps) sum += s.median_ms;
  return sum;
}

Profile profile(const Graph& graph, const MeasureOptions& options) {
  const std::vector<Tensor> inputs = synthetic_inputs(graph, options);
  runtime::Session session(runtime::Program::compile(graph), options.threads);
  std::vector<Shape> shapes;
  for (const Tensor& t : inputs) shapes.push_back(t.shape());
  for (int i = 0; i < std::max(1, options.warmup); ++i) session.run(inputs);
  Profile p;
  std::vector<double> whole;
  repeat(options, [&] {
    const double start = process_seconds();
    session.run(inputs);
    whole.push_back(1e3 * (process_seconds() - start));
  });
  p.latency = latency_of(std::move(whole), options.threads);
  repeat(options, [&] { p.traced.push_back(session.run_timed(inputs)); });
  for (runtime::StepInfo& info : session.plan_info(shapes).steps) {
    const size_t i = p.steps.size();
    std::vector<double> ms;
    for (const auto& run : p.traced) ms.push_back(run[i].ms);
    const Latency l = latency_of(std::move(ms), info.threads);
    p.steps.push_back({std::move(info), l.median_ms, l.min_ms});
  }
  if (p.traced.size() > kTracedRuns) p.traced.erase(p.traced.begin(), p.traced.end() - kTracedRuns);
  p.peak = measure_peak(options.threads);
  return p;
}

}  // namespace precis::flow
