// precis bench: latency on this machine, alone, step by step, or paired with another model.
#include "precis/cli/command.h"
#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/text.h"
#include "precis/flow/input_shapes.h"
#include "precis/flow/measure.h"
#include "precis/flow/profile.h"

namespace precis::cli {
namespace {

struct BenchFlags {
  std::string model, other, trace, csv;
  bool profile = false, force = false;
  double seconds = 2;
  int runs = 20;
  int64_t batch = 1;
  std::vector<std::string> shapes;
};

// Nothing is measured for a file that could not be written.
void check_output(const std::string& path, const BenchFlags& o) {
  if (path.empty()) return;
  check(!same_file(path, o.model), ErrorCode::kUsage, "{} is the model; give another name", printable(path));
  check(o.force || path_kind(path) == PathKind::kMissing, ErrorCode::kUsage,
        "{} exists; give another name, or -f to replace it", printable(path));
}

int profile(const Globals& g, const BenchFlags& o, const Graph& graph, const flow::MeasureOptions& options) {
  const Overwrite overwrite = o.force ? Overwrite::kReplace : Overwrite::kRefuse;
  check_output(o.trace, o);
  check_output(o.csv, o);
  const flow::Profile p = flow::profile(graph, options);
  if (!o.trace.empty()) write_file(o.trace, report::profile_trace(p, o.model), overwrite);
  if (!o.csv.empty()) write_file(o.csv, report::profile_csv(p), overwrite);
  const report::RunFacts facts = facts_of(o.model, options.threads);
  emit(g, report::profile_text(p, facts), report::profile_json(p, facts));
  return 0;
}

int bench(const Globals& g, const BenchFlags& o) {
  const onnx_io::ReadResult r = read_runnable(o.model, g);
  flow::MeasureOptions options;
  options.threads = g.threads > 0 ? g.threads : 1;
  options.seconds = o.seconds;
  options.min_runs = o.runs;
  options.batch = o.batch;
  options.input_shapes = flow::parse_shapes(o.shapes, r.model.graph);
  const bool steps = o.profile || !o.trace.empty() || !o.csv.empty();
  check(!steps || o.other.empty(), ErrorCode::kUsage,
        "--profile, --trace and --csv look into one model; leave --compare out, or profile each by itself");
  if (steps) return profile(g, o, r.model.graph, options);
  if (o.other.empty()) {
    const flow::Latency l = flow::measure(r.model.graph, options);
    const report::RunFacts facts = facts_of(o.model, options.threads);
    emit(g, report::bench_text(l, facts), report::bench_json(l, facts));
    return 0;
  }
  const onnx_io::ReadResult other = read_runnable(o.other, g);
  const flow::PairedLatency pair = flow::measure_pair(r.model.graph, other.model.graph, options);
  const report::RunFacts facts = facts_of(o.model, options.threads);
  emit(g, report::bench_pair_text(pair, o.other, facts), report::bench_pair_json(pair, o.other, facts));
  return 0;
}

}  // namespace

void add_bench(CLI::App& app, Globals& g, Action& action) {
  CLI::App* c =
      add_command(app, g, "bench",
                  "Times a model on this machine (warm-up, median, p90, p99); --compare pairs two models in "
                  "one run, --profile tells where the time goes. One thread unless -t is given.",
                  "  precis bench net.onnx\n  precis bench net.onnx --compare net.int8.onnx -t 2\n"
                  "  precis bench net.onnx --profile\n");
  auto o = std::make_shared<BenchFlags>();
  c->add_option("model", o->model, "ONNX model")->required();
  c->add_option("--compare", o->other, "second model, timed in turns with the first")->option_text("FILE");
  c->add_flag("--profile", o->profile, "time of every step, beside what this machine could do at most");
  c->add_option("--csv", o->csv, "write the profile as CSV, a line for each step")->option_text("FILE");
  c->add_option("--trace", o->trace, "write the last runs, step by step, in Chrome's trace format")
      ->option_text("FILE");
  c->add_flag("-f,--force", o->force, "replace files that exist");
  c->add_option("--seconds", o->seconds, "time to spend on each model (default 2)")
      ->check(CLI::PositiveNumber);
  c->add_option("--runs", o->runs, "runs at least (default 20)")->check(CLI::Range(1, 1000000));
  c->add_option("--batch", o->batch, "length of an unknown first dimension (default 1)")
      ->check(CLI::Range(1, 65536));
  c->add_option("--shape", o->shapes, "input shape: NAME=1,3,224,224")->option_text("SHAPE");
  c->callback([&g, &action, o] { action = [&g, o] { return bench(g, *o); }; });
}

}  // namespace precis::cli
