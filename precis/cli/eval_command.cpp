// precis eval: a model's metric on labelled data.
#include "precis/cli/command.h"

namespace precis::cli {
namespace {

struct EvalFlags {
  std::string model;
  DataFlags data;
  FeedFlags feed;
  std::string metric_command;
  bool reference = false;
};

int eval(const Globals& g, const EvalFlags& o) {
  const onnx_io::ReadResult r = read_runnable(o.model, g);
  warn(g, r.warnings);
  const OpenedData data = o.data.open(r.model, o.model, o.feed.options());
  warn(g, data.warnings);
  auto printer = make_progress(g);
  flow::EvalOptions options;
  options.feed = o.feed.options();
  options.engine = o.reference ? runtime::Engine::kReference : runtime::Engine::kFast;
  options.metric_command = o.metric_command;
  options.progress = progress_of(printer);
  const flow::EvalResult result = flow::evaluate(r.model.graph, *data.source, options);
  printer->finish();
  report::RunFacts facts = facts_of(o.model, g.threads);
  facts.data = data.lines;
  emit(g, report::eval_text(result, facts), report::eval_json(result, facts));
  return 0;
}

}  // namespace

void add_eval(CLI::App& app, Globals& g, Action& action) {
  CLI::App* c = add_command(
      app, g, "eval",
      "Measures a model on labelled data: top-1, top-5, RMSE against targets, or any command's number.",
      "  precis eval net.onnx --data test/\n  precis eval net.onnx --data t10k-images-idx3-ubyte.gz "
      "--preprocess unit\n"
      "  precis eval net.onnx --data test/ --metric-cmd './my_metric.sh'\n");
  auto o = std::make_shared<EvalFlags>();
  c->add_option("model", o->model, "ONNX model")->required();
  o->data.add_to(c, "labelled data to judge by: PATH[,rows=A:B][,count=N]");
  o->feed.add_to(c);
  c->add_option(
       "--metric-cmd", o->metric_command,
       "command that reads the folder of output .npy files given as its last argument and prints a number")
      ->option_text("COMMAND");
  c->add_flag("--reference", o->reference, "run the scalar reference kernels (slow)");
  c->callback([&g, &action, o] { action = [&g, o] { return eval(g, *o); }; });
}

}  // namespace precis::cli
