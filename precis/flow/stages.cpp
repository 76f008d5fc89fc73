// The stages a recipe may name, and the runner. A stage is a pass, or one of: prepare, simplify, calibrate, quantize_static, write.
#include <algorithm>
#include <array>
#include <chrono>

#include "precis/calib/calibrator.h"
#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/flow/run.h"
#include "precis/flow/stage_options.h"
#include "precis/passes/pass.h"
#include "precis/runtime/session.h"

namespace precis::flow {
namespace {

using passes::QuantizeOptions;
using passes::Target;
using quant::GridSpec;

const std::vector<std::pair<std::string, Target>> kTargets = {{"precis", Target::kPrecis},
                                                              {"onnxruntime", Target::kOnnxRuntime},
                                                              {"openvino", Target::kOpenVino},
                                                              {"tensorrt", Target::kTensorRt}};
const std::vector<std::pair<std::string, onnx_io::QuantFormat>> kFormats = {{"qdq", onnx_io::QuantFormat::kQdq},
                                                                            {"qoperator", onnx_io::QuantFormat::kQOperator}};
const std::vector<std::pair<std::string, DType>> kActivationTypes = {{"u8", DType::kU8}, {"s8", DType::kI8}};

void append(std::vector<std::string>& notes, const std::vector<std::string>& more) { notes.insert(notes.end(), more.begin(), more.end()); }

bool searches_histograms(const QuantizeOptions& o) {
  return quant::needs_histogram(o.observer.kind) || std::any_of(o.rules.begin(), o.rules.end(), [](const passes::OverrideRule& r) {
           return r.observer && quant::needs_histogram(*r.observer);
         });
}

void run_prepare(Run& run, const Stage&) { append(run.notes, passes::prepare(run.model).notes); }

const passes::PassInfo& pass_named(const Stage& stage, const std::string& name) {
  if (const passes::PassInfo* info = passes::find_pass(name)) return *info;
  std::vector<std::string> names;
  for (const passes::PassInfo& p : passes::all_passes()) names.emplace_back(p.name);
  const std::string near = nearest(name, names);
  fail(ErrorCode::kUsage, "stage '{}': there is no pass named '{}'{}; the passes are {}", stage.name, printable(name),
       near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near), fmt::join(names, ", "));
}

// The passes of a simplify stage: those of `only`, in their order, or the usual ones for `opset`; without those of `skip`.
std::vector<std::string_view> passes_of(const Stage& stage, int64_t source_opset) {
  const auto names = [&](const char* key) {
    std::vector<std::string_view> found;
    if (const auto it = stage.options.find(key); it != stage.options.end())
      for (const std::string& name : it->second) found.emplace_back(pass_named(stage, name).name);
    return found;
  };
  const int64_t opset = get_int(stage, "opset", source_opset > 0 ? source_opset : kCanonicalOpset);
  std::vector<std::string_view> chosen = names("only");
  if (chosen.empty()) chosen = passes::simplification_for(opset);
  for (std::string_view skipped : names("skip")) std::erase(chosen, skipped);
  return chosen;
}

void run_simplify(Run& run, const Stage& stage) {
  const passes::PassResult r = passes::run_passes_until_done(run.model, passes_of(stage, run.model.source_opset));
  append(run.notes, r.notes);
  for (const auto& [name, changes] : r.by_pass) run.pass_changes[name] += changes;
}

void run_calibrate(Run& run, const Stage& stage) {
  if (!run.ranges.entries.empty()) return;  // given as a file
  check(run.calib != nullptr, ErrorCode::kUsage, "calibration needs data: give --calib PATH (100 samples or more), or ranges saved before with --ranges FILE");
  calib::CalibrateOptions options;
  options.values = run.values_to_observe;
  options.averages = run.values_to_average;
  options.histograms = run.histograms;
  if (run.progress) options.progress = [&](int64_t done, int64_t total) { run.progress("calibrate", done, total); };
  const int64_t count = get_int(stage, "count", run.calib->size());
  std::shared_ptr<const data::DataSource> source = run.calib;
  if (count < source->size()) {
    std::vector<int64_t> rows(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) rows[static_cast<size_t>(i)] = i;
    source = data::select_rows(source, std::move(rows));
  }
  // What is fed is looked at on the way: no sample is read twice.
  std::vector<std::vector<data::InputStatistics>> fed(static_cast<size_t>(std::min(data::kStatisticsSamples, source->size())));
  const std::vector<data::InputSpec> inputs = input_specs(run.original.graph);
  options.watch = [&](int64_t index, const data::Sample& sample) {
    if (index < static_cast<int64_t>(fed.size())) fed[static_cast<size_t>(index)] = data::sample_statistics(sample, inputs);
  };
  run.ranges = calib::calibrate(run.model.graph, *source, options);
  for (const auto& of_sample : fed) data::merge_statistics(run.fed, of_sample);
}

void run_quantize(Run& run, const Stage& stage) {
  run.report = passes::quantize_static(run.model, run.ranges, quantize_options_from(stage));
  append(run.notes, run.report.notes);
}

void run_write(Run& run, const Stage& stage) { run.write = write_options_from(stage); }

void run_pass(Run& run, const Stage& stage) {
  const std::string_view name = stage.name;
  append(run.notes, passes::run_passes(run.model, std::span(&name, 1)).notes);
}

std::vector<StageInfo> make_stages() {
  runtime::register_evaluator();  // fold_constants evaluates nodes with it; without one it folds shapes only
  std::vector<StageInfo> stages = {
      {"prepare", "folds batch norm and constants, removes what does nothing", {}, run_prepare},
      {"simplify", "runs passes that leave the outputs as they are until none finds anything more", {"only", "skip", "opset"}, run_simplify},
      {"calibrate", "runs the model on the calibration data and records ranges", {"count"}, run_calibrate},
      {"quantize_static",
       "gives weights and activations 8-bit encodings",
       {"target", "observer", "percentile", "activations", "symmetric", "weight_bits", "per_channel", "isa_safe", "bias_correction", "rules"},
       run_quantize},
      {"write", "the form of the output file", {"format", "opset"}, run_write},
  };
  for (const passes::PassInfo& p : passes::all_passes()) stages.push_back({p.name, p.summary, {}, run_pass});
  return stages;
}

const StageInfo* find_stage(const std::string& name) {
  for (const StageInfo& s : all_stages())
    if (name == s.name) return &s;
  return nullptr;
}

}  // namespace

std::span<const StageInfo> all_stages() {
  static const std::vector<StageInfo> stages = make_stages();
  return stages;
}

void check_recipe(const Recipe& recipe) {
  for (const Stage& stage : recipe.stages) {
    const StageInfo* info = find_stage(stage.name);
    if (info == nullptr) {
      std::vector<std::string> names;
      for (const StageInfo& s : all_stages()) names.emplace_back(s.name);
      const std::string near = nearest(stage.name, names);
      fail(ErrorCode::kUsage, "recipe line {}: there is no stage '{}'{}; the stages are {}", stage.line, printable(stage.name),
           near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near), fmt::join(names, ", "));
    }
    for (const auto& [key, value] : stage.options) {
      const std::vector<std::string> keys(info->keys.begin(), info->keys.end());
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
      const std::string near = nearest(key, keys);
      fail(ErrorCode::kUsage, "recipe line {}: stage '{}' has no option '{}'{}", stage.line, stage.name, printable(key),
           near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near));
    }
    if (stage.name == "quantize_static") quantize_options_from(stage);
    if (stage.name == "simplify") passes_of(stage, 0);
    if (stage.name == "write") write_options_from(stage);
    if (stage.name == "calibrate") get_int(stage, "count", 1);
  }
}

void run_recipe(const Recipe& recipe, Run& run) {
  check_recipe(recipe);
  const Stage* quantize = recipe.find("quantize_static");
  for (const Stage& stage : recipe.stages) {
    const auto start = std::chrono::steady_clock::now();
    if (run.progress) run.progress(stage.name, 0, 0);
    if (stage.name == "calibrate" && quantize != nullptr) {
      const QuantizeOptions options = quantize_options_from(*quantize);
      run.values_to_observe = passes::values_to_observe(run.model.graph, options);
      run.values_to_average = passes::values_to_average(run.model.graph, options);
      run.histograms = run.keeps_ranges || searches_histograms(options);
    }
    find_stage(stage.name)->run(run, stage);
    run.seconds[stage.name] += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
}

QuantizeOptions quantize_options_from(const Stage& stage) {
  QuantizeOptions o;
  o.target = get_choice(stage, "target", kTargets, o.target);
  passes::apply_target(o);
  o.activations.code = get_choice(stage, "activations", kActivationTypes, o.activations.code);
  if (get_bool(stage, "symmetric", o.activations.symmetry == GridSpec::Symmetry::kSymmetric || o.activations.code == DType::kI8))
    o.activations.symmetry = GridSpec::Symmetry::kSymmetric;
  else
    o.activations.symmetry = GridSpec::Symmetry::kAffine;
  if (o.activations.symmetry == GridSpec::Symmetry::kSymmetric) o.activations.code_range = GridSpec::CodeRange::kRestricted;
  const std::string observer = get_string(stage, "observer", quant::observer_name(o.observer.kind));
  const auto kind = quant::observer_from_name(observer);
  check(kind.has_value(), ErrorCode::kUsage, "recipe line {}: there is no observer '{}'; the observers are minmax, moving-average, percentile, mse, entropy",
        stage.line, printable(observer));
  o.observer.kind = *kind;
  o.observer.percentile = get_double(stage, "percentile", o.observer.percentile);
  o.weights.bits = static_cast<int>(get_int(stage, "weight_bits", 8));
  check(o.weights.bits >= 2 && o.weights.bits <= 8, ErrorCode::kUsage, "recipe line {}: weight_bits {} is outside 2 to 8", stage.line, o.weights.bits);
  o.per_channel = get_bool(stage, "per_channel", o.per_channel);
  o.isa_safe = get_bool(stage, "isa_safe", o.isa_safe);
  o.bias_correction = get_bool(stage, "bias_correction", o.bias_correction);
  const auto rules = stage.options.find("rules");
  if (rules != stage.options.end())
    for (const std::string& text : rules->second) o.rules.push_back(parse_rule(text));
  return o;
}

Stage quantize_stage_from(const QuantizeOptions& o) {
  Stage s;
  s.name = "quantize_static";
  s.options["target"] = {choice_name(kTargets, o.target)};
  s.options["observer"] = {quant::observer_name(o.observer.kind)};
  if (o.observer.kind == quant::ObserverKind::kPercentile) s.options["percentile"] = {fmt::format("{}", o.observer.percentile)};
  s.options["activations"] = {choice_name(kActivationTypes, o.activations.code)};
  s.options["symmetric"] = {o.activations.symmetry == GridSpec::Symmetry::kSymmetric ? "true" : "false"};
  if (o.weights.bits != 8) s.options["weight_bits"] = {std::to_string(o.weights.bits)};
  if (!o.per_channel) s.options["per_channel"] = {"false"};
  if (o.isa_safe) s.options["isa_safe"] = {"true"};
  if (!o.bias_correction) s.options["bias_correction"] = {"false"};
  for (const passes::OverrideRule& r : o.rules) append(s.options["rules"], print_rules(r));
  return s;
}

onnx_io::WriteOptions write_options_from(const Stage& stage) {
  onnx_io::WriteOptions w;
  w.format = get_choice(stage, "format", kFormats, w.format);
  w.opset = static_cast<int>(get_int(stage, "opset", 0));
  return w;
}

}  // namespace precis::flow
