// Node by node timing of the prepared float model and the int8 model; both are timed in the same process, in turns.
#include "precis/flow/never_slower.h"

#include <algorithm>
#include <map>

#include "precis/calib/calibrator.h"
#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/passes/pass.h"

namespace precis::flow {
namespace {

constexpr double kMargin = 1.02;  // timing noise: int8 must lose by more than this

std::map<std::string, double> seconds_by_node(const Graph& g, const MeasureOptions& options) {
  std::map<std::string, double> by_node;
  for (const auto& [node, seconds] : measure_steps(g, options)) by_node[node] += seconds;
  return by_node;
}

// Rules match by glob: a name that holds glob characters is given as an escaped regular expression.
std::string exact_pattern(const std::string& name) {
  if (name.find_first_of("*?[") == std::string::npos) return name;
  std::string escaped = "re:";
  for (char c : name) {
    if (std::string_view(".*+?^${}()|[]\\").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

struct SlowerNode {
  std::string name;
  double ratio = 1;  // int8 over float
};

std::vector<SlowerNode> slower_nodes(const Graph& prepared, const Graph& quantized, const MeasureOptions& options) {
  const auto before = seconds_by_node(prepared, options), after = seconds_by_node(quantized, options);
  std::vector<SlowerNode> slower;
  for (NodeId id : prepared.order()) {
    const Node& n = prepared.node(id);
    if (!n.is("Conv") && !n.is("ConvTranspose") && !n.is("Gemm") && !n.is("MatMul")) continue;
    const auto a = before.find(n.name), b = after.find(n.name);
    if (a != before.end() && b != after.end() && b->second > a->second * kMargin) slower.push_back({n.name, b->second / a->second});
  }
  return slower;
}

}  // namespace

void leave_slower_layers_float(const QuantizeRequest& request, Run& run, QuantizeResult& result) {
  Stage* stage = result.recipe.find("quantize_static");
  check(stage != nullptr, ErrorCode::kUsage, "--never-slower needs a recipe with a quantize_static stage");
  Model prepared = run.original;
  passes::prepare(prepared);
  if (run.progress) run.progress("time layers", 0, 0);
  MeasureOptions timing;
  timing.threads = request.bench_threads;
  timing.input_shapes = sample_shapes(run.calib.get());
  const std::vector<SlowerNode> slower = slower_nodes(prepared.graph, run.model.graph, timing);
  if (slower.empty()) return;
  for (const SlowerNode& s : slower) {
    stage->options["rules"].push_back(exact_pattern(s.name) + ".quantize=false");
    result.slower_layers.push_back(s.name);
  }
  const passes::QuantizeOptions options = quantize_options_from(*stage);
  // Other borders may need ranges that were not observed yet; their statistics do not depend on what else is observed.
  calib::CalibrateOptions missing;
  for (const std::string& v : passes::values_to_observe(prepared.graph, options))
    if (run.ranges.find(v) == nullptr) missing.values.push_back(v);
  for (const std::string& v : passes::values_to_average(prepared.graph, options))
    if (run.ranges.channels_of(v) == nullptr && run.calib != nullptr) missing.averages.push_back(v);
  if (!missing.values.empty() || !missing.averages.empty()) {
    check(run.calib != nullptr, ErrorCode::kUsage, "--never-slower needs --calib: the saved ranges lack tensor '{}'",
          printable(missing.values.empty() ? missing.averages[0] : missing.values[0]));
    quant::RangeTable more = calib::calibrate(prepared.graph, *run.calib, missing);
    for (auto& [name, stats] : more.entries) run.ranges.entries[name] = std::move(stats);
    for (auto& [name, sums] : more.channels) run.ranges.channels[name] = std::move(sums);
  }
  run.model = std::move(prepared);
  run.report = passes::quantize_static(run.model, run.ranges, options);
  for (passes::SkippedNode& skipped : run.report.skipped)
    for (const SlowerNode& s : slower)
      if (s.name == skipped.node) skipped.reason = fmt::format("int8 takes {:.2f} x the time of float on this machine", s.ratio);
}

}  // namespace precis::flow
