// Whole runs are timed first: looking at the clock after every step slows small networks down.
#include "precis/flow/profile.h"

#include <algorithm>

namespace precis::flow {
namespace {

constexpr size_t kTracedRuns = 3;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace

double Profile::steps_ms() const {
  double sum = 0;
  for (const ProfiledStep& s : steps) sum += s.median_ms;
  return sum;
}

Profile profile(const Graph& graph, const MeasureOptions& options) {
  Profile p;
  p.latency = measure(graph, options);
  const std::vector<Tensor> inputs = synthetic_inputs(graph, options);
  runtime::Session session(runtime::Program::compile(graph), options.threads);
  std::vector<Shape> shapes;
  for (const Tensor& t : inputs) shapes.push_back(t.shape());
  for (int i = 0; i < std::max(1, options.warmup); ++i) session.run(inputs);
  const double start = process_seconds();
  for (int runs = 0; runs < options.min_runs || process_seconds() - start < options.seconds; ++runs)
    p.traced.push_back(session.run_timed(inputs));
  for (runtime::StepInfo& info : session.plan_info(shapes).steps) {
    const size_t i = p.steps.size();
    std::vector<double> ms;
    for (const auto& run : p.traced) ms.push_back(run[i].ms);
    p.steps.push_back({std::move(info), median(ms), *std::min_element(ms.begin(), ms.end())});
  }
  if (p.traced.size() > kTracedRuns) p.traced.erase(p.traced.begin(), p.traced.end() - kTracedRuns);
  p.peak = measure_peak(options.threads);
  return p;
}

}  // namespace precis::flow
