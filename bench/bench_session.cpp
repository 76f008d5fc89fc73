// Times one ONNX file with a Session: bench_session MODEL.onnx [threads] [seconds] [--plan]
// Prints the smallest, the median and the 90th percentile of the run times in milliseconds; with --plan also
// the steps.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "precis/core/error.h"
#include "precis/core/rng.h"
#include "precis/onnx/onnx_io.h"
#include "precis/runtime/session.h"

namespace {

using namespace precis;

std::vector<Tensor> random_inputs(const Graph& graph) {
  std::vector<Tensor> inputs;
  for (ValueId id : graph.inputs()) {
    const ValueType& type = graph.value(id).type;
    std::vector<int64_t> dims;
    for (const Dim& d : *type.shape) dims.push_back(d.known() ? d.value : 1);
    Tensor t(type.storage_dtype(), Shape(dims));
    if (type.storage_dtype() == DType::kF32) {
      float x = 0.37f;
      for (float& v : t.data<float>()) {
        x = 3.9f * x * (1 - x);  // the logistic map: reproducible and without structure
        v = 4 * x - 2;
      }
    }
    inputs.push_back(std::move(t));
  }
  return inputs;
}

void print_plan(const runtime::PlanInfo& plan, const std::vector<double>& times) {
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const runtime::StepInfo& s = plan.steps[i];
    std::string line = fmt::format("{:8.4f} ms {:6.2f} GMAC/s {:28} {:12} {:24}", times[i],
                                   s.macs / times[i] / 1e6, s.node.substr(0, 28), s.op, s.kernel);
    for (const auto& f : s.fused) line += " +" + f;
    for (const auto& i : s.inputs) line += " " + i;
    line += " ->";
    for (const auto& o : s.outputs) line += " " + o;
    fmt::print("{}\n", line);
  }
  fmt::print("arena {} bytes, weights {} bytes\n", plan.arena_bytes, plan.weight_bytes);
}

void run(const std::string& path, int threads, double seconds, bool plan) {
  const auto model = onnx_io::read_model(path).model;
  runtime::Session session(runtime::Program::compile(model.graph), threads);
  const std::vector<Tensor> inputs = random_inputs(model.graph);
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  double cpu = 1e9;  // smallest processor time of a run: tells less of a busy machine
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end || times.size() < 10) {
    const auto start = Clock::now();
    const std::clock_t before = std::clock();
    session.run(inputs);
    cpu = std::min(cpu, 1e3 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC);
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  fmt::print("{} threads {} runs {}: min {:.3f} median {:.3f} p90 {:.3f} cpu {:.3f} ms\n", path, threads,
             times.size(), times[0], times[times.size() / 2], times[times.size() * 9 / 10], cpu);
  if (plan) print_plan(session.plan_info(), session.profile(inputs, 50));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_session MODEL.onnx [threads] [seconds] [--plan]\n");
    return 2;
  }
  try {
    const bool plan = std::string(argv[argc - 1]) == "--plan";
    run(argv[1], argc > 2 ? std::atoi(argv[2]) : 1, argc > 3 ? std::atof(argv[3]) : 1, plan);
  } catch (const Error& e) {
    fmt::print(stderr, "{}\n", e.what());
    return static_cast<int>(e.code());
  }
}
