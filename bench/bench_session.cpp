// Times one ONNX file with a Session: bench_session MODEL.onnx [--threads N] [--seconds S] [--shape
// 1,3,224,224] [--plan | --serve] Prints the smallest, the median and the 90th percentile of the run times in
// milliseconds; --plan also prints the steps. With --serve it prints one JSON line when the model is ready,
// then one for every line of seconds on its input, so that a comparison can time this runtime and others in
// turns, each in a process that stays alive. --shape gives the first input's sizes; unknown ones are 1.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "precis/core/check.h"
#include "precis/graph/macs.h"
#include "precis/graph/op.h"
#include "precis/onnx/onnx_io.h"
#include "precis/runtime/session.h"

namespace {

using namespace precis;

struct Options {
  std::string model;
  int threads = 1;
  double seconds = 1;
  std::vector<int64_t> shape;
  bool plan = false, serve = false;
};

std::vector<Tensor> random_inputs(const Graph& graph, const std::vector<int64_t>& first_shape) {
  std::vector<Tensor> inputs;
  for (ValueId id : graph.inputs()) {
    const ValueType& type = graph.value(id).type;
    std::vector<int64_t> dims;
    for (const Dim& d : *type.shape) dims.push_back(d.known() ? d.value : 1);
    if (inputs.empty() && !first_shape.empty()) dims = first_shape;
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

int64_t macs(Graph graph, const std::vector<Tensor>& inputs) {
  InferOptions options;
  for (const Tensor& t : inputs) options.input_shapes.push_back(t.shape());
  infer_types(graph, options);
  return count_macs(graph).total;
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

struct Times {
  std::vector<double> ms;  // sorted
  double cpu_ms = 1e9;     // smallest processor time of a run: tells less of a busy machine
  double at(double share) const {
    return ms[static_cast<size_t>(share * static_cast<double>(ms.size() - 1))];
  }
};

Times timed(runtime::Session& session, const std::vector<Tensor>& inputs, double seconds, size_t least_runs) {
  using Clock = std::chrono::steady_clock;
  Times times;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end || times.ms.size() < least_runs) {
    const auto start = Clock::now();
    const std::clock_t before = std::clock();
    session.run(inputs);
    times.cpu_ms = std::min(times.cpu_ms, 1e3 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC);
    times.ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  std::sort(times.ms.begin(), times.ms.end());
  return times;
}

// Each turn begins with a warm-up, as others have had the caches since the last one.
void serve(runtime::Session& session, const std::vector<Tensor>& inputs, int64_t macs) {
  constexpr size_t kLeastRuns = 3;
  timed(session, inputs, 0, kLeastRuns);
  fmt::print("{{\"ready\": true, \"macs\": {}}}\n", macs);
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const double seconds = std::atof(line.c_str());
    timed(session, inputs, seconds / 5, 1);
    const Times t = timed(session, inputs, seconds, kLeastRuns);
    fmt::print("{{\"median_ms\": {}, \"min_ms\": {}, \"runs\": {}}}\n", t.at(0.5), t.at(0), t.ms.size());
    std::fflush(stdout);
  }
}

void run(const Options& o) {
  const auto model = onnx_io::read_model(o.model).model;
  runtime::Session session(runtime::Program::compile(model.graph), o.threads);
  const std::vector<Tensor> inputs = random_inputs(model.graph, o.shape);
  if (o.serve) return serve(session, inputs, macs(model.graph, inputs));
  const Times t = timed(session, inputs, o.seconds, 10);
  fmt::print("{} threads {} runs {}: min {:.3f} median {:.3f} p90 {:.3f} cpu {:.3f} ms\n", o.model, o.threads,
             t.ms.size(), t.at(0), t.at(0.5), t.at(0.9), t.cpu_ms);
  if (!o.plan) return;
  std::vector<Shape> shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  print_plan(session.plan_info(shapes), session.profile(inputs, 50));
}

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const bool value_follows = i + 1 < argc;
    if (arg == "--plan") {
      o.plan = true;
    } else if (arg == "--serve") {
      o.serve = true;
    } else if (arg == "--threads" && value_follows) {
      o.threads = std::atoi(argv[++i]);
    } else if (arg == "--seconds" && value_follows) {
      o.seconds = std::atof(argv[++i]);
    } else if (arg == "--shape" && value_follows) {
      std::istringstream sizes(argv[++i]);
      for (std::string size; std::getline(sizes, size, ',');) o.shape.push_back(std::atoll(size.c_str()));
    } else if (o.model.empty() && arg.rfind("--", 0) != 0) {
      o.model = arg;
    } else {
      fail(ErrorCode::kUsage, "unexpected argument '{}'", arg);
    }
  }
  check(
      !o.model.empty(), ErrorCode::kUsage,
      "usage: bench_session MODEL.onnx [--threads N] [--seconds S] [--shape 1,3,224,224] [--plan | --serve]");
  return o;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
  } catch (const Error& e) {
    fmt::print(stderr, "bench_session: {}\n", e.what());
    return static_cast<int>(e.code());
  }
}
