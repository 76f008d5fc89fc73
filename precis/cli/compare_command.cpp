// precis compare: how far two models' outputs (and layers) are apart.
#include "precis/cli/command.h"

namespace precis::cli {
namespace {

struct CompareFlags {
  std::string reference, candidate;
  DataFlags data;
  bool layers = false;
};

int compare_models(const Globals& g, const CompareFlags& o) {
  const onnx_io::ReadResult a = read_runnable(o.reference, g), b = read_runnable(o.candidate, g);
  const OpenedData data = o.data.open(a.model, o.reference);
  warn(g, data.warnings);
  auto printer = make_progress(g);
  flow::CompareOptions options;
  options.layers = o.layers ? flow::CompareOptions::Layers::kAll : flow::CompareOptions::Layers::kNone;
  options.progress = progress_of(printer);
  const flow::CompareResult result = flow::compare(a.model.graph, b.model.graph, *data.source, options);
  printer->finish();
  report::RunFacts facts = facts_of(o.candidate, g.threads);
  facts.data = data.lines;
  emit(g, report::compare_text(result, o.reference, o.candidate, facts),
       report::compare_json(result, o.reference, o.candidate, facts));
  return 0;
}

}  // namespace

void add_compare(CLI::App& app, Globals& g, Action& action) {
  CLI::App* c = add_command(app, g, "compare",
                            "Shows the differences of two models on data: SQNR, cosine, largest difference, "
                            "same top-1; per layer with --layers.",
                            "  precis compare net.onnx net.int8.onnx --data test/\n  precis compare net.onnx "
                            "net.int8.onnx --data test/,count=50 --layers\n");
  auto o = std::make_shared<CompareFlags>();
  c->add_option("reference", o->reference, "ONNX model that is right")->required();
  c->add_option("candidate", o->candidate, "ONNX model to compare")->required();
  o->data.add_to(c, "data to run on (labels are not needed): PATH[,rows=A:B][,count=N]");
  c->add_flag("--layers", o->layers, "compare the tensors of the same name inside, worst first");
  c->callback([&g, &action, o] { action = [&g, o] { return compare_models(g, *o); }; });
}

}  // namespace precis::cli
