// precis simplify: flags -> recipe -> flow::simplify -> report.
#include "precis/cli/command.h"
#include "precis/core/check.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/flow/run.h"
#include "precis/flow/simplify_flow.h"

namespace precis::cli {
namespace {

struct SimplifyFlags {
  flow::SimplifyRequest request;
  DataFlags data;
  FeedFlags feed;
  std::vector<std::string> only, skip;
  std::string max_growth;
  int opset = 0;
  bool list = false, force = false, no_verify = false, reference = false;
};

flow::Recipe recipe_from_flags(const SimplifyFlags& f) {
  flow::Stage simplify, write;
  simplify.name = "simplify";
  if (!f.only.empty()) simplify.options["only"] = f.only;
  if (!f.skip.empty()) simplify.options["skip"] = f.skip;
  write.name = "write";
  if (f.opset > 0) simplify.options["opset"] = write.options["opset"] = {std::to_string(f.opset)};
  return {{simplify, write}};
}

int list_passes(const Globals& g) {
  const std::vector<flow::PassChoice> passes = flow::pass_choices();
  emit(g, report::passes_text(passes), report::passes_json(passes));
  return 0;
}

int simplify(const Globals& g, SimplifyFlags& f) {
  if (f.list) return list_passes(g);
  flow::SimplifyRequest& q = f.request;
  check(!q.input.empty(), ErrorCode::kUsage, "give the model to simplify, or --list for the passes");
  check(!q.output.empty() || q.dry_run, ErrorCode::kUsage,
        "give the output file with -o OUT.onnx, or --dry-run to write nothing");
  q.recipe = recipe_from_flags(f);
  flow::check_recipe(q.recipe);
  if (!f.max_growth.empty()) {
    Limits l = limits();
    l.max_fold_growth_bytes = parse_bytes("--max-growth", f.max_growth);
    set_limits(l);
  }
  if (!f.data.data.empty()) {
    q.data = data::parse_data_spec(f.data.data);
    if (!f.data.labels.empty()) q.data->labels = f.data.labels;
    check(q.shapes.empty(), ErrorCode::kUsage,
          "--shape is for made-up values: with --data the data tell the shapes");
  }
  q.preprocess = f.data.preprocess;
  q.feed = f.feed.options();
  if (g.json != "-") q.also_written = {g.json};
  q.links = g.follow_links ? InputFile::Links::kFollow : InputFile::Links::kRefuse;
  q.overwrite = f.force ? Overwrite::kReplace : Overwrite::kRefuse;
  q.verify = !f.no_verify;
  if (f.reference) q.engine = runtime::Engine::kReference;
  auto printer = make_progress(g);
  q.progress = progress_of(printer);
  const flow::SimplifyResult result = flow::simplify(q);
  printer->finish();
  warn(g, result.warnings);
  emit(g, report::simplify_text(q, result), report::simplify_json(q, result));
  return 0;
}

}  // namespace

void add_simplify(CLI::App& app, Globals& g, Action& action) {
  CLI::App* c = add_command(
      app, g, "simplify",
      "Removes and folds what a model does not need, and proves on the written file that its outputs stay "
      "equal.",
      "  precis simplify net.onnx -o net.simple.onnx\n"
      "  precis simplify net.onnx --data photos/ -o net.simple.onnx\n"
      "  precis simplify net.onnx --skip fold_batch_norm,fuse_matmul_add --opset 13 -o net.simple.onnx\n"
      "  precis simplify --list\n");
  auto o = std::make_shared<SimplifyFlags>();
  c->add_option("model", o->request.input, "ONNX model");
  c->add_option("-o,--output", o->request.output, "ONNX model to write")->option_text("FILE");
  c->add_option("--only", o->only, "run these passes, in this order")
      ->delimiter(',')
      ->option_text("PASS,...");
  c->add_option("--skip", o->skip, "leave these passes out")->delimiter(',')->option_text("PASS,...");
  c->add_flag("--list", o->list, "list the passes and when they run");
  c->add_option("--opset", o->opset,
                "opset of the output, 7 to 27 (default: the lowest that can say it; no pass makes operators "
                "newer than the input's opset)")
      ->check(CLI::Range(7, 27));
  c->add_option("--max-growth", o->max_growth,
                "bytes by which folded constants may make the model larger (default 1M)")
      ->option_text("SIZE");
  c->add_flag("-n,--dry-run", o->request.dry_run, "write nothing; print the exact size of the output");
  c->add_flag("-f,--force", o->force, "replace the output when it exists");
  o->data.add_to(c, "what the outputs are compared on (default: made-up values): PATH[,rows=A:B][,count=N]");
  o->feed.add_to(c);
  c->add_option("--shape", o->request.shapes, "input shape for made-up values: NAME=1,3,224,224")
      ->option_text("SHAPE")
      ->allow_extra_args(false);
  c->add_flag("--reference", o->reference, "compare with the scalar reference kernels (slow)");
  c->add_flag("--no-verify", o->no_verify, "skip comparing the outputs of the written file");
  c->callback([&g, &action, o] { action = [&g, o] { return simplify(g, *o); }; });
}

}  // namespace precis::cli
