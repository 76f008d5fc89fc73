// Timed runs. A pair alternates A B A B so that the machine's drift hits both; its ratio is the median over the pairs.
#include "precis/flow/measure.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "precis/core/check.h"
#include "precis/core/rng.h"

namespace precis::flow {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); }

double percentile(const std::vector<double>& sorted, double p) {
  const double at = p * static_cast<double>(sorted.size() - 1);
  const size_t low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace

Latency latency_of(std::vector<double> ms, int threads) {
  Latency l;
  l.threads = threads;
  l.runs = static_cast<int64_t>(ms.size());
  double sum = 0, squares = 0;
  for (double t : ms) sum += t;
  l.mean_ms = sum / static_cast<double>(ms.size());
  for (double t : ms) squares += (t - l.mean_ms) * (t - l.mean_ms);
  l.sd_ms = std::sqrt(squares / static_cast<double>(ms.size()));
  std::sort(ms.begin(), ms.end());
  l.min_ms = ms.front();
  l.median_ms = percentile(ms, 0.5);
  l.p90_ms = percentile(ms, 0.9);
  l.p99_ms = percentile(ms, 0.99);
  return l;
}

namespace {

// One model ready to be timed.
class Timed {
 public:
  Timed(const Graph& graph, const MeasureOptions& options)
      : inputs_(synthetic_inputs(graph, options)), session_(runtime::Program::compile(graph), options.threads) {
    for (int i = 0; i < std::max(1, options.warmup); ++i) session_.run(inputs_);
  }
  double run_ms() {
    const auto start = Clock::now();
    session_.run(inputs_);
    return ms_since(start);
  }

 private:
  std::vector<Tensor> inputs_;
  runtime::Session session_;
};

Tensor synthetic(DType dtype, const Shape& shape, uint64_t stream) {
  Tensor t(DType::kF32, shape);
  Rng rng(0, stream);
  for (float& x : t.data<float>()) x = is_float(dtype) ? rng.uniform(-1.0f, 1.0f) : std::floor(rng.uniform(0.0f, 2.0f));
  return dtype == DType::kF32 ? t : t.cast(dtype);
}

}  // namespace

std::vector<Shape> sample_shapes(const data::DataSource* source) {
  std::vector<Shape> shapes;
  if (source == nullptr || source->size() == 0) return shapes;
  for (const Tensor& t : source->get(0).inputs) shapes.push_back(t.shape());
  return shapes;
}

std::vector<Tensor> synthetic_inputs(const Graph& graph, const MeasureOptions& options) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const Value& v = graph.value(graph.inputs()[i]);
    if (i < options.input_shapes.size()) {
      inputs.push_back(synthetic(v.type.dtype, options.input_shapes[i], i));
      continue;
    }
    check(v.type.shape.has_value(), ErrorCode::kUsage, "input '{}' has an unknown rank; give its shape with --shape {}=1,3,224,224", v.name, v.name);
    std::vector<int64_t> dims;
    for (const Dim& d : *v.type.shape) dims.push_back(d.known() ? d.value : dims.empty() ? options.batch : 1);
    inputs.push_back(synthetic(v.type.dtype, Shape(std::move(dims)), i));
  }
  return inputs;
}

Latency measure(const Graph& graph, const MeasureOptions& options) {
  Timed model(graph, options);
  std::vector<double> ms;
  const auto start = Clock::now();
  while (static_cast<int>(ms.size()) < options.min_runs || ms_since(start) < options.seconds * 1e3) ms.push_back(model.run_ms());
  return latency_of(std::move(ms), options.threads);
}

PairedLatency measure_pair(const Graph& first, const Graph& second, const MeasureOptions& options) {
  Timed a(first, options), b(second, options);
  std::vector<double> ms_a, ms_b, ratios;
  const auto start = Clock::now();
  while (static_cast<int>(ms_a.size()) < options.min_runs || ms_since(start) < 2 * options.seconds * 1e3) {
    ms_a.push_back(a.run_ms());
    ms_b.push_back(b.run_ms());
    ratios.push_back(ms_b.back() / ms_a.back());
  }
  PairedLatency p;
  p.first = latency_of(std::move(ms_a), options.threads);
  p.second = latency_of(std::move(ms_b), options.threads);
  std::sort(ratios.begin(), ratios.end());
  p.ratio = percentile(ratios, 0.5);
  p.ratio_low = percentile(ratios, 0.25);
  p.ratio_high = percentile(ratios, 0.75);
  return p;
}

std::vector<std::pair<std::string, double>> measure_steps(const Graph& graph, const MeasureOptions& options) {
  const std::vector<Tensor> inputs = synthetic_inputs(graph, options);
  runtime::Session session(runtime::Program::compile(graph), options.threads);
  session.run(inputs);
  std::vector<Shape> shapes;
  for (const Tensor& t : inputs) shapes.push_back(t.shape());
  const std::vector<double> ms = session.profile(inputs, std::max(options.min_runs, 10));
  const runtime::PlanInfo info = session.plan_info(shapes);
  std::vector<std::pair<std::string, double>> steps;
  for (size_t i = 0; i < ms.size(); ++i) steps.emplace_back(info.steps[i].node, ms[i] / 1e3);
  return steps;
}

uint64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

double process_seconds() {
  static const auto start = Clock::now();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace precis::flow
