// precis quantize: flags -> recipe -> flow::quantize -> report.
#include <fmt/format.h>

#include "precis/cli/command.h"
#include "precis/core/check.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/flow/quantize_flow.h"

namespace precis::cli {
namespace {

struct QuantizeFlags {
  flow::QuantizeRequest request;
  DataFlags data;
  std::string calib, recipe_file, max_drop, overrides;
  std::string target = "onnxruntime", observer = "mse", activations, format = "qdq";
  double percentile = 99.999;
  int weight_bits = 8, opset = 0;
  bool per_tensor = false, symmetric = false, isa_safe = false, no_bias_correction = false, force = false,
       no_verify = false, no_bench = false, print_recipe = false;
  std::vector<std::string> rules;
};

flow::Recipe recipe_from_flags(const QuantizeFlags& f) {
  flow::Stage prepare, calibrate, quantize, write;
  prepare.name = "prepare";
  calibrate.name = "calibrate";
  quantize.name = "quantize_static";
  quantize.options = {{"target", {f.target}}, {"observer", {f.observer}}};
  if (f.observer == "percentile") quantize.options["percentile"] = {fmt::format("{}", f.percentile)};
  if (!f.activations.empty()) quantize.options["activations"] = {f.activations};
  if (f.symmetric) quantize.options["symmetric"] = {"true"};
  if (f.weight_bits != 8) quantize.options["weight_bits"] = {std::to_string(f.weight_bits)};
  if (f.per_tensor) quantize.options["per_channel"] = {"false"};
  if (f.isa_safe) quantize.options["isa_safe"] = {"true"};
  if (f.no_bias_correction) quantize.options["bias_correction"] = {"false"};
  std::vector<std::string> rules;
  if (!f.overrides.empty())
    for (const passes::OverrideRule& r : flow::read_tensor_overrides(f.overrides))
      for (const std::string& line : flow::print_rules(r)) rules.push_back(line);
  rules.insert(rules.end(), f.rules.begin(), f.rules.end());
  for (const std::string& text : rules) flow::parse_rule(text);  // usage errors before any work
  if (!rules.empty()) quantize.options["rules"] = rules;
  write.name = "write";
  write.options["format"] = {f.format};
  if (f.opset > 0) write.options["opset"] = {std::to_string(f.opset)};
  return {{prepare, calibrate, quantize, write}};
}

// "0.5%" or "0.005".
double parse_drop(const std::string& text) {
  std::string digits = text;
  const bool percent = !digits.empty() && digits.back() == '%';
  if (percent) digits.pop_back();
  double value = 0;
  check(parse_double(digits, value) && value >= 0 && (percent ? value <= 100 : value <= 1), ErrorCode::kUsage,
        "--max-drop '{}': expected a share of the samples such as 0.5% or 0.005", printable(text));
  return percent ? value / 100 : value;
}

int quantize(const Globals& g, QuantizeFlags& f) {
  flow::QuantizeRequest& q = f.request;
  q.recipe = f.recipe_file.empty()
                 ? recipe_from_flags(f)
                 : flow::parse_recipe(read_text_file(f.recipe_file, limits().max_yaml_bytes),
                                      printable(f.recipe_file));
  flow::check_recipe(q.recipe);
  if (f.print_recipe) {
    fmt::print("{}", flow::print_recipe(q.recipe));
    return 0;
  }
  check(!q.output.empty() || q.dry_run, ErrorCode::kUsage,
        "give the output file with -o OUT.onnx, or --dry-run to write nothing");
  if (!f.calib.empty()) q.calib = data::parse_data_spec(f.calib);
  if (!f.data.data.empty()) {
    q.data = data::parse_data_spec(f.data.data);
    if (!f.data.labels.empty()) q.data->labels = f.data.labels;
  }
  q.preprocess = f.data.preprocess;
  q.also_read = {f.recipe_file, f.overrides};
  if (g.json != "-") q.also_written = {g.json};
  if (!f.max_drop.empty()) q.max_drop = parse_drop(f.max_drop);
  q.links = g.follow_links ? InputFile::Links::kFollow : InputFile::Links::kRefuse;
  q.overwrite = f.force ? Overwrite::kReplace : Overwrite::kRefuse;
  q.verify = !f.no_verify;
  q.measure_speed = !f.no_bench;
  auto printer = make_progress(g);
  q.progress = progress_of(printer);
  const flow::QuantizeResult result = flow::quantize(q);
  printer->finish();
  warn(g, result.warnings);
  emit(g, report::quantize_text(q, result), report::quantize_json(q, result));
  using Outcome = flow::QuantizeResult::Outcome;
  if (result.outcome != Outcome::kBudgetMissed && result.outcome != Outcome::kLarger) return 0;
  std::fflush(stdout);
  fmt::print(stderr, "precis: {}: {}\n", error_code_name(ErrorCode::kBudget), result.message);
  return static_cast<int>(ErrorCode::kBudget);
}

void add_method_flags(CLI::App* c, QuantizeFlags& f) {
  const char* group = "Method";
  c->add_option("--target", f.target, "runtime to please (default onnxruntime)")
      ->check(CLI::IsMember({"onnxruntime", "openvino", "tensorrt", "precis"}))
      ->group(group);
  c->add_option("--observer", f.observer, "how ranges are chosen (default mse)")
      ->check(CLI::IsMember({"minmax", "moving-average", "percentile", "mse", "entropy"}))
      ->group(group);
  c->add_option("--percentile", f.percentile,
                "share of values kept by --observer percentile (default 99.999)")
      ->group(group);
  c->add_option("--activations", f.activations,
                "codes of activations: u8 is affine, s8 symmetric (default: what --target runs best)")
      ->check(CLI::IsMember({"u8", "s8"}))
      ->group(group);
  c->add_flag("--symmetric", f.symmetric, "symmetric activations")->group(group);
  c->add_option("--weight-bits", f.weight_bits, "bits of the weights, 2 to 8 (default 8)")
      ->check(CLI::Range(2, 8))
      ->group(group);
  c->add_flag("--per-tensor", f.per_tensor, "one weight scale per tensor instead of per output channel")
      ->group(group);
  c->add_flag("--no-bias-correction", f.no_bias_correction,
              "leave in the layers' means what rounding the weights shifts")
      ->group(group);
  c->add_flag("--isa-safe", f.isa_safe,
              "7-bit weights for the channels that would saturate on CPUs without VNNI in other runtimes")
      ->group(group);
  c->add_option("--set", f.rules,
                "rule for nodes or tensors, repeatable: MATCH.key=value; "
                "e.g. --set last.quantize=false (`precis help rules`)")
      ->option_text("RULE")
      ->group(group);
  c->add_option("--tensor-overrides", f.overrides, "ONNX Runtime's tensor_quant_overrides JSON")
      ->option_text("FILE")
      ->group(group);
  c->add_option("--recipe", f.recipe_file, "run this recipe instead of the flags of this group")
      ->option_text("FILE")
      ->group(group);
  c->add_flag("--print-recipe", f.print_recipe, "print the recipe of these flags and stop")->group(group);
}

void add_budget_flags(CLI::App* c, QuantizeFlags& f) {
  const char* group = "Proof and budget";
  c->add_option("--max-drop", f.max_drop,
                "largest loss of top-1 (or of agreement without labels), e.g. 0.5%; exit 5 and nothing kept "
                "when it is missed")
      ->option_text("SHARE")
      ->group(group);
  c->add_flag("--keep-best", f.request.keep_best,
              "write the file even when the budget is missed (still exit 5)")
      ->group(group);
  c->add_flag("--never-slower", f.request.never_slower,
              "leave the layers float that int8 makes slower on this machine")
      ->group(group);
  c->add_flag("--no-verify", f.no_verify, "skip reading back and comparing the written file")->group(group);
  c->add_flag("--no-bench", f.no_bench, "skip measuring latency")->group(group);
}

}  // namespace

void add_quantize(CLI::App& app, Globals& g, Action& action) {
  CLI::App* c = add_command(
      app, g, "quantize",
      "Quantizes weights and activations to 8 bits, calibrating on real data, and proves size, accuracy and "
      "speed.",
      "  precis quantize net.onnx --calib photos/ -o net.int8.onnx\n"
      "  precis quantize net.onnx --calib train/,count=200 --data test/ --max-drop 0.5% -o net.int8.onnx\n"
      "  precis quantize net.onnx --ranges net.ranges --dry-run\n");
  auto o = std::make_shared<QuantizeFlags>();
  c->add_option("model", o->request.input, "float ONNX model")->required();
  c->add_option("-o,--output", o->request.output, "int8 ONNX model to write")->option_text("FILE");
  c->add_option("--calib", o->calib, "data to learn ranges from: PATH[,rows=A:B][,count=N]")
      ->option_text("DATA");
  o->data.add_to(c, "labelled data to judge by; never the rows of --calib");
  c->add_option("--ranges", o->request.ranges, "calibration ranges saved before, instead of --calib")
      ->option_text("FILE");
  c->add_option("--save-ranges", o->request.save_ranges, "save the calibration ranges to this file")
      ->option_text("FILE");
  c->add_option("--format", o->format, "form of the output (default qdq)")
      ->check(CLI::IsMember({"qdq", "qoperator"}));
  c->add_option("--opset", o->opset, "opset of the output, 7 to 27 (default: the lowest that can say it)")
      ->check(CLI::Range(7, 27));
  c->add_flag("-n,--dry-run", o->request.dry_run, "write nothing; print the exact size of the output");
  c->add_flag("-f,--force", o->force, "replace the output when it exists");
  add_method_flags(c, *o);
  add_budget_flags(c, *o);
  c->callback([&g, &action, o] {
    action = [&g, o] {
      o->request.bench_threads = g.threads > 0 ? g.threads : 1;
      return quantize(g, *o);
    };
  });
}

}  // namespace precis::cli
