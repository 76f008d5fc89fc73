// precis inspect: what a model is; with --plan how it runs here.
#include "precis/cli/command.h"
#include "precis/flow/input_shapes.h"
#include "precis/flow/inspect.h"
#include "precis/runtime/session.h"

namespace precis::cli {
namespace {

struct InspectOptions {
  std::string model;
  bool plan = false;
  std::vector<std::string> shapes;
};

int inspect(const Globals& g, const InspectOptions& o) {
  const onnx_io::ReadResult r = o.plan ? read_runnable(o.model, g) : read_model(o.model, g);
  flow::ModelSummary summary = flow::summarize(r.model, r.bytes);
  summary.warnings.insert(summary.warnings.end(), r.warnings.begin(), r.warnings.end());
  runtime::PlanInfo plan;
  if (o.plan) {
    runtime::Session session(runtime::Program::compile(r.model.graph), g.threads);
    plan = session.plan_info(flow::parse_shapes(o.shapes, r.model.graph));
  }
  const runtime::PlanInfo* shown = o.plan ? &plan : nullptr;
  const report::RunFacts facts = facts_of(o.model, g.threads);
  emit(g, report::inspect_text(summary, shown, facts), report::inspect_json(summary, shown, facts));
  return 0;
}

}  // namespace

void add_inspect(CLI::App& app, Globals& g, Action& action) {
  CLI::App* c = add_command(
      app, g, "inspect",
      "Lists operators, parameters, MACs, types and quantization of a model; --plan shows how it runs here.",
      "  precis inspect net.onnx\n  precis inspect net.int8.onnx --plan\n");
  auto o = std::make_shared<InspectOptions>();
  c->add_option("model", o->model, "ONNX model")->required();
  c->add_flag("--plan", o->plan, "list each executed step: kernel, types, layouts");
  c->add_option("--shape", o->shapes, "input shape for the plan: NAME=1,3,224,224")->option_text("SHAPE");
  c->callback([&g, &action, o] { action = [&g, o] { return inspect(g, *o); }; });
}

}  // namespace precis::cli
