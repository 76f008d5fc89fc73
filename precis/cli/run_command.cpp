// precis run: a model on given inputs, its outputs as npy files.
#include <fmt/format.h>

#include "precis/cli/command.h"
#include "precis/core/check.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/flow/run_model.h"

namespace precis::cli {
namespace {

struct RunFlags {
  std::string model, output;
  DataFlags data;
  FeedFlags feed;
  bool force = false, reference = false;
  double timeout = 0;  // seconds; 0: none
};

// Loops may take as many steps as they like here: whoever runs a model waits for it, or says how long.
void set_loop_limits(double timeout) {
  Limits l = limits();
  l.max_loop_steps = 0;
  l.max_loop_seconds = timeout;
  set_limits(l);
}

int run(const Globals& g, const RunFlags& o) {
  set_loop_limits(o.timeout);
  const onnx_io::ReadResult r = read_runnable(o.model, g);
  const OpenedData data = o.data.open(r.model, o.model, o.feed.options());
  warn(g, data.warnings);
  auto printer = make_progress(g);
  flow::RunModelOptions options;
  options.feed = o.feed.options();
  options.engine = o.reference ? runtime::Engine::kReference : runtime::Engine::kFast;
  options.overwrite = o.force ? Overwrite::kReplace : Overwrite::kRefuse;
  options.max_seconds = o.timeout;
  options.progress = progress_of(printer);
  const flow::RunModelResult result = flow::run_model(r.model.graph, *data.source, o.output, options);
  printer->finish();
  report::RunFacts facts = facts_of(o.model, g.threads);
  facts.data = data.lines;
  emit(g, report::run_text(result, o.output, facts), report::run_json(result, o.output, facts));
  return 0;
}

}  // namespace

void add_run(CLI::App& app, Globals& g, Action& action) {
  CLI::App* c = add_command(
      app, g, "run",
      "Runs a model on given inputs and writes its outputs as .npy files, one per output, samples stacked "
      "along axis 0.",
      "  precis run net.onnx --data inputs.npz -o out/\n  precis run net.onnx --data photos/ -o out/\n");
  auto o = std::make_shared<RunFlags>();
  c->add_option("model", o->model, "ONNX model")->required();
  o->data.add_to(c, "inputs: PATH[,rows=A:B][,count=N]");
  o->feed.add_to(c);
  c->add_option("-o,--output", o->output, "folder for the outputs")->option_text("FOLDER")->required();
  c->add_flag("-f,--force", o->force, "replace files that exist");
  c->add_option("--timeout", o->timeout, "end with exit code 7 when the run takes longer (default: none)")
      ->option_text("SECONDS")
      ->check([](const std::string& text) {
        double seconds = 0;
        return parse_double(text, seconds) && seconds > 0
                   ? std::string()
                   : "'" + printable(text) + "' is no number of seconds above 0";
      });
  c->add_flag("--reference", o->reference, "run the scalar reference kernels (slow)");
  c->callback([&g, &action, o] { action = [&g, o] { return run(g, *o); }; });
}

}  // namespace precis::cli
