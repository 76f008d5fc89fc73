// The JSON documents: built with nlohmann, keys in a fixed order, one document per command. Schemas: docs/json.md.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

#include "precis/core/text.h"
#include "precis/report/format.h"

namespace precis::report {
namespace {

using nlohmann::ordered_json;

constexpr double kEqualDb = 300;  // SQNR of bit-equal tensors: JSON has no infinity

double finite_db(double db) { return std::isfinite(db) ? std::min(db, kEqualDb) : kEqualDb; }

std::string dump(const ordered_json& j) { return j.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n"; }

void add_facts(ordered_json& j, const RunFacts& f) {
  if (!f.data.empty()) j["data"] = f.data;
  j["threads"] = f.threads;
  j["seconds"] = f.seconds;
  j["peak_rss_bytes"] = f.peak_rss_bytes;
}

ordered_json metrics_of(const flow::EvalResult& e) {
  ordered_json m = ordered_json::object();
  if (e.top1) {
    m["top1"] = *e.top1;
    m["top1_count"] = e.top1_count;
    m["top1_interval_95"] = {e.top1_interval.low, e.top1_interval.high};
  }
  if (e.top5) m["top5"] = *e.top5;
  if (e.auc) m["auc"] = *e.auc;
  if (e.nats) {
    m["nats_per_token"] = *e.nats;
    m["perplexity"] = std::exp(*e.nats);
  }
  if (e.rmse) m["rmse"] = *e.rmse;
  if (e.command) m["command"] = *e.command;
  return m;
}

ordered_json latency_of(const flow::Latency& l) {
  return {{"median_ms", l.median_ms}, {"p90_ms", l.p90_ms}, {"p99_ms", l.p99_ms}, {"mean_ms", l.mean_ms},
          {"sd_ms", l.sd_ms},         {"min_ms", l.min_ms}, {"runs", l.runs},     {"threads", l.threads}};
}

ordered_json side_of(const flow::ModelFacts& f) {
  ordered_json j = ordered_json::object();
  if (f.eval) {
    j = metrics_of(*f.eval);
    j["samples"] = f.eval->samples;
  }
  if (f.latency) j["latency"] = latency_of(*f.latency);
  return j;
}

ordered_json layers_of(const std::vector<flow::LayerComparison>& layers) {
  ordered_json a = ordered_json::array();
  for (const auto& l : layers) a.push_back({{"name", l.name}, {"op", l.op}, {"sqnr_db", finite_db(l.sqnr_db)}, {"cause", l.cause}});
  return a;
}

void add_comparison(ordered_json& j, const flow::CompareResult& c) {
  j["samples"] = c.samples;
  j["outputs"] = ordered_json::array();
  for (const auto& o : c.outputs)
    j["outputs"].push_back({{"name", o.name}, {"sqnr_db", finite_db(o.sqnr_db)}, {"cosine", o.cosine}, {"max_abs", o.max_abs}, {"kl", o.kl}});
  if (c.top1_agreement) j["top1_agreement"] = *c.top1_agreement;
  if (c.layer_samples > 0) j["layer_samples"] = c.layer_samples;
  if (!c.layers.empty()) j["layers"] = layers_of(c.layers);
}

const char* outcome_name(flow::QuantizeResult::Outcome o) {
  using Outcome = flow::QuantizeResult::Outcome;
  switch (o) {
    case Outcome::kWritten: return "written";
    case Outcome::kDryRun: return "dry-run";
    case Outcome::kAlreadyQuantized: return "already-quantized";
    case Outcome::kBudgetMissed: return "budget-missed";
    case Outcome::kLarger: return "larger-than-input";
  }
  return "unknown";
}

}  // namespace

std::string quantize_json(const flow::QuantizeRequest& request, const flow::QuantizeResult& r) {
  ordered_json j;
  j["schema"] = "precis.quantize/1";
  j["outcome"] = outcome_name(r.outcome);
  if (!r.message.empty()) j["message"] = r.message;
  j["input"] = {{"path", request.input}, {"bytes", r.before.bytes}};
  j["output"] = {{"path", request.output}, {"bytes", r.after.bytes}, {"sha256", r.output_sha256}};
  j["before"] = side_of(r.before);
  j["after"] = side_of(r.after);
  if (r.drop_interval) j["change_interval_95"] = {r.drop_interval->low, r.drop_interval->high};
  if (r.speed) j["latency_ratio"] = {{"after_over_before", r.speed->ratio}, {"middle_half", {r.speed->ratio_low, r.speed->ratio_high}}};
  if (r.comparison) {
    j["comparison"] = {{"data", r.compared_on_calibration ? "calibration" : "data"}};
    add_comparison(j["comparison"], *r.comparison);
  }
  j["calibration_samples"] = r.calib_samples;
  j["quantized_nodes"] = r.report.quantized_nodes;
  j["skipped"] = ordered_json::array();
  for (const auto& s : r.report.skipped)
    j["skipped"].push_back({{"node", s.node}, {"op", s.op}, {"reason", s.reason}, {"byte_share", s.byte_share}, {"mac_share", s.mac_share}});
  j["proofs"] = ordered_json::array();
  for (const auto& p : r.report.proofs)
    j["proofs"].push_back({{"node", p.node},
                           {"channels", p.channels},
                           {"worst_accumulator", p.worst_accumulator},
                           {"pair_saturating_channels", p.pair_saturating},
                           {"channels_reduced_to_7_bits", p.reduced_to_7_bits},
                           {"channels_with_raised_scale", p.bias_scale_raised}});
  j["worst_layers"] = layers_of(r.worst_layers);
  if (!r.slower_layers.empty()) j["left_float_because_slower"] = r.slower_layers;
  j["recipe"] = flow::print_recipe(r.recipe);
  j["warnings"] = r.warnings;
  j["stage_seconds"] = r.stage_seconds;
  j["seconds"] = r.seconds;
  j["peak_rss_bytes"] = r.peak_rss;
  return dump(j);
}

namespace {

ordered_json size_of(const flow::ModelSummary& s) {
  ordered_json j = {{"bytes", s.file_bytes}, {"nodes", s.nodes},           {"macs", s.macs},
                    {"parameters", s.parameters}, {"weight_bytes", s.weight_bytes}};
  if (s.opset > 0) j["opset"] = s.opset;
  return j;
}

ordered_json equality_of(const flow::Equality& e) {
  ordered_json j = {{"samples", e.samples}, {"tolerance", e.tolerance}, {"values_compared", e.values_compared}};
  j["outputs"] = ordered_json::array();
  for (const auto& o : e.outputs)
    j["outputs"].push_back({{"name", o.name}, {"difference", o.difference}, {"bit_equal", o.bit_equal}});
  return j;
}

}  // namespace

std::string simplify_json(const flow::SimplifyRequest& request, const flow::SimplifyResult& r) {
  ordered_json j;
  j["schema"] = "precis.simplify/1";
  j["outcome"] = r.outcome == flow::SimplifyResult::Outcome::kDryRun ? "dry-run" : "written";
  j["input"] = {{"path", request.input}};
  j["output"] = {{"path", request.output}, {"sha256", r.output_sha256}};
  j["before"] = size_of(r.before);
  j["after"] = size_of(r.after);
  j["operators"] = ordered_json::array();
  for (const auto& o : flow::operator_changes(r.before, r.after))
    j["operators"].push_back({{"op", o.op}, {"before", o.before}, {"after", o.after}});
  j["passes"] = r.changes;
  if (r.equality) j["equality"] = equality_of(*r.equality);
  j["data"] = r.data_lines;
  j["notes"] = r.notes;
  j["recipe"] = flow::print_recipe(r.recipe);
  j["warnings"] = r.warnings;
  j["seconds"] = r.seconds;
  j["peak_rss_bytes"] = r.peak_rss;
  return dump(j);
}

std::string passes_json(const std::vector<flow::PassChoice>& passes) {
  ordered_json j;
  j["schema"] = "precis.passes/1";
  j["passes"] = ordered_json::array();
  for (const auto& p : passes) {
    ordered_json entry = {{"name", p.name}, {"summary", p.summary}, {"default", p.usual}};
    if (p.opset > 0) entry["opset"] = p.opset;
    j["passes"].push_back(std::move(entry));
  }
  return dump(j);
}

std::string eval_json(const flow::EvalResult& r, const RunFacts& f) {
  ordered_json j;
  j["schema"] = "precis.eval/1";
  j["model"] = f.model;
  j["samples"] = r.samples;
  j["labelled"] = r.labelled;
  j["metrics"] = metrics_of(r);
  add_facts(j, f);
  return dump(j);
}

std::string compare_json(const flow::CompareResult& r, const std::string& reference, const std::string& candidate, const RunFacts& f) {
  ordered_json j;
  j["schema"] = "precis.compare/1";
  j["reference"] = reference;
  j["candidate"] = candidate;
  add_comparison(j, r);
  add_facts(j, f);
  return dump(j);
}

std::string bench_json(const flow::Latency& l, const RunFacts& f) {
  ordered_json j;
  j["schema"] = "precis.bench/1";
  j["model"] = f.model;
  j.update(latency_of(l));
  j["seconds"] = f.seconds;
  j["peak_rss_bytes"] = f.peak_rss_bytes;
  return dump(j);
}

std::string bench_pair_json(const flow::PairedLatency& p, const std::string& other, const RunFacts& f) {
  ordered_json j;
  j["schema"] = "precis.bench/1";
  j["model"] = f.model;
  j.update(latency_of(p.first));
  j["compare"] = latency_of(p.second);
  j["compare"]["model"] = other;
  j["compare"]["ratio"] = p.ratio;
  j["compare"]["ratio_middle_half"] = {p.ratio_low, p.ratio_high};
  j["seconds"] = f.seconds;
  j["peak_rss_bytes"] = f.peak_rss_bytes;
  return dump(j);
}

namespace {

ordered_json peak_of(const flow::MachinePeak& p) {
  return {{"threads", p.threads}, {"gflops", p.gflops}, {"gops", p.gops}, {"read_gb_s", p.read_gb_s}};
}

}  // namespace

std::string profile_json(const flow::Profile& p, const RunFacts& f) {
  ordered_json j;
  j["schema"] = "precis.bench/1";
  j["model"] = f.model;
  j.update(latency_of(p.latency));
  j["peak"] = peak_of(p.peak);
  j["steps_ms"] = p.steps_ms();
  j["steps"] = ordered_json::array();
  for (const auto& s : p.steps)
    j["steps"].push_back({{"node", s.info.node}, {"op", s.info.op}, {"fused", s.info.fused}, {"kernel", s.info.kernel}, {"inputs", s.info.inputs},
                          {"outputs", s.info.outputs}, {"quantized", s.info.quantized}, {"threads", s.info.threads}, {"macs", s.info.macs},
                          {"bytes", s.info.bytes}, {"median_ms", s.median_ms}, {"min_ms", s.min_ms}, {"gops", s.gops()}, {"gb_s", s.gb_s()},
                          {"of_peak", p.peak_of(s) > 0 ? ordered_json(s.gops() / p.peak_of(s)) : ordered_json()}});
  j["seconds"] = f.seconds;
  j["peak_rss_bytes"] = f.peak_rss_bytes;
  return dump(j);
}

std::string profile_trace(const flow::Profile& p, const std::string& model) {
  ordered_json events = ordered_json::array();
  events.push_back({{"name", "process_name"}, {"ph", "M"}, {"pid", 1}, {"args", {{"name", model}}}});
  double start = 0;
  for (const auto& run : p.traced) {
    double end = start;
    for (size_t i = 0; i < run.size(); ++i) {
      const runtime::StepInfo& s = p.steps[i].info;
      events.push_back({{"name", s.node}, {"cat", s.op}, {"ph", "X"}, {"pid", 1}, {"tid", 1}, {"ts", 1e3 * (start + run[i].start_ms)}, {"dur", 1e3 * run[i].ms},
                        {"args", {{"op", s.op}, {"fused", s.fused}, {"kernel", s.kernel}, {"inputs", s.inputs}, {"outputs", s.outputs}, {"threads", s.threads}}}});
      end = std::max(end, start + run[i].start_ms + run[i].ms);
    }
    start = end;
  }
  return dump({{"traceEvents", events}, {"displayTimeUnit", "ms"}});
}

namespace {

ordered_json quantization_of(const flow::QuantizationSummary& q) {
  ordered_json j = {{"integer", q.integer},          {"weight_only", q.weight_only}, {"real", q.real},
                    {"run_time", q.run_time},        {"macs", q.macs},               {"integer_macs", q.integer_macs},
                    {"weight_bytes", q.weight_bytes}, {"code_bytes", q.code_bytes},   {"values", ordered_json::array()}};
  for (const flow::EncodedValue& v : q.values) {
    ordered_json value = {{"name", v.name},         {"code", v.code},        {"constant", v.constant},
                          {"granularity", v.granularity}, {"zero_point", v.zero_point}, {"dynamic", v.dynamic}};
    if (v.axis >= 0) value["axis"] = v.axis;
    if (v.block > 0) value["block"] = v.block;
    j["values"].push_back(std::move(value));
  }
  return j;
}

}  // namespace

std::string inspect_json(const flow::ModelSummary& s, const runtime::PlanInfo* plan, const RunFacts& f) {
  ordered_json j;
  j["schema"] = "precis.inspect/1";
  j["model"] = f.model;
  j["bytes"] = s.file_bytes;
  j["ir_version"] = s.ir_version;
  j["opset"] = s.opset;
  j["producer"] = s.producer;
  const auto values = [](const std::vector<flow::ValueSummary>& list) {
    ordered_json a = ordered_json::array();
    for (const auto& v : list) a.push_back({{"name", v.name}, {"type", v.type}});
    return a;
  };
  j["inputs"] = values(s.inputs);
  j["outputs"] = values(s.outputs);
  j["nodes"] = s.nodes;
  j["parameters"] = s.parameters;
  j["weight_bytes"] = s.weight_bytes;
  j["macs"] = s.macs;
  j["parameters_by_type"] = s.parameters_by_type;
  j["operators"] = ordered_json::array();
  for (const auto& o : s.operators)
    j["operators"].push_back(
        {{"op", o.op}, {"count", o.count}, {"quantized", o.quantized}, {"macs", o.macs}, {"weight_bytes", o.weight_bytes}});
  if (s.quantization.any()) j["quantization"] = quantization_of(s.quantization);
  j["metadata"] = ordered_json::object();
  for (const auto& [k, v] : s.metadata) j["metadata"][k] = v;
  if (plan != nullptr) {
    j["plan"] = {{"arena_bytes", plan->arena_bytes}, {"weight_bytes", plan->weight_bytes}, {"steps", ordered_json::array()}};
    for (const auto& p : plan->steps)
      j["plan"]["steps"].push_back({{"node", p.node},
                                    {"op", p.op},
                                    {"fused", p.fused},
                                    {"kernel", p.kernel},
                                    {"inputs", p.inputs},
                                    {"outputs", p.outputs},
                                    {"quantized", p.quantized},
                                    {"float_fallback", p.float_fallback},
                                    {"macs", p.macs}});
  }
  j["warnings"] = s.warnings;
  return dump(j);
}

std::string check_json(const std::vector<Problem>& problems, const RunFacts& f) {
  ordered_json j;
  j["schema"] = "precis.check/1";
  j["model"] = f.model;
  int64_t errors = 0;
  j["problems"] = ordered_json::array();
  for (const auto& p : problems) {
    const bool error = p.level == Problem::Level::kError;
    errors += error;
    j["problems"].push_back({{"level", error ? "error" : "warning"}, {"code", static_cast<int>(p.code)}, {"where", p.where}, {"message", p.message}});
  }
  j["errors"] = errors;
  j["ok"] = errors == 0;
  return dump(j);
}

std::string run_json(const flow::RunModelResult& r, const std::string& folder, const RunFacts& f) {
  ordered_json j;
  j["schema"] = "precis.run/1";
  j["model"] = f.model;
  j["folder"] = folder;
  j["samples"] = r.samples;
  j["outputs"] = ordered_json::array();
  for (size_t i = 0; i < r.files.size(); ++i) j["outputs"].push_back({{"file", r.files[i]}, {"shape", r.shapes[i]}});
  add_facts(j, f);
  return dump(j);
}

std::string doctor_json(const flow::Doctor& d) {
  ordered_json j;
  j["schema"] = "precis.doctor/1";
  j["version"] = d.version;
  j["cpu"] = d.cpu;
  j["isa"] = d.isa;
  j["forced_isa"] = d.forced_isa;
  j["cores"] = d.cores;
  j["threads"] = d.threads;
  j["memory_bytes"] = d.memory_bytes;
  for (const auto& [name, value] : d.libraries) j["libraries"][name] = value;
  for (const auto& [name, value] : d.limits) j["limits"][name] = value;
  if (d.peak) j["peak"] = peak_of(*d.peak);
  j["advice"] = d.advice;
  return dump(j);
}

std::string error_json(ErrorCode code, const std::string& message) {
  return dump({{"schema", "precis.error/1"}, {"code", static_cast<int>(code)}, {"kind", error_code_name(code)}, {"message", message}});
}

}  // namespace precis::report
