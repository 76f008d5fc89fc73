// precis bench: latency on this machine, alone or paired with another model.
#include "precis/cli/command.h"
#include "precis/flow/input_shapes.h"
#include "precis/flow/measure.h"

namespace precis::cli {
namespace {

struct BenchFlags {
  std::string model, other;
  double seconds = 2;
  int runs = 20;
  int64_t batch = 1;
  std::vector<std::string> shapes;
};

int bench(const Globals& g, const BenchFlags& o) {
  const onnx_io::ReadResult r = read_runnable(o.model, g);
  flow::MeasureOptions options;
  options.threads = g.threads > 0 ? g.threads : 1;
  options.seconds = o.seconds;
  options.min_runs = o.runs;
  options.batch = o.batch;
  options.input_shapes = flow::parse_shapes(o.shapes, r.model.graph);
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
                  "one run. One thread unless -t is given.",
                  "  precis bench net.onnx\n  precis bench net.onnx --compare net.int8.onnx -t 2\n");
  auto o = std::make_shared<BenchFlags>();
  c->add_option("model", o->model, "ONNX model")->required();
  c->add_option("--compare", o->other, "second model, timed in turns with the first")->option_text("FILE");
  c->add_option("--seconds", o->seconds, "time to spend on each model (default 2)")
      ->check(CLI::PositiveNumber);
  c->add_option("--runs", o->runs, "runs at least (default 20)")->check(CLI::Range(1, 1000000));
  c->add_option("--batch", o->batch, "length of an unknown first dimension (default 1)")
      ->check(CLI::Range(1, 65536));
  c->add_option("--shape", o->shapes, "input shape: NAME=1,3,224,224")->option_text("SHAPE");
  c->callback([&g, &action, o] { action = [&g, o] { return bench(g, *o); }; });
}

}  // namespace precis::cli
