// What a person reads: short blocks, the numbers that matter, and the next command.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "precis/core/text.h"
#include "precis/report/format.h"
#include "precis/report/table.h"
#include "precis/report/text_parts.h"

namespace precis::report {
namespace {

using Align = Table::Align;
using Outcome = flow::QuantizeResult::Outcome;

std::string signed_percent(double rate) { return fmt::format("{:+.2f} %", rate * 100); }
std::string db(double v) { return std::isfinite(v) ? fmt::format("{:.1f} dB", v) : "equal"; }
std::string data_text(const RunFacts& f) {
  std::string out;
  for (const std::string& line : f.data) out += "  " + line + "\n";
  return out;
}

void metric_rows(Table& t, const flow::EvalResult& e) {
  if (e.top1)
    t.row({e.auc ? "right at 0.5" : "top-1", percent(*e.top1), fmt::format("{} of {}", e.top1_count, e.labelled),
           fmt::format("95 %: {} to {}", percent(e.top1_interval.low), percent(e.top1_interval.high))});
  if (e.top5) t.row({"top-5", percent(*e.top5), fmt::format("{} of {}", e.top5_count, e.labelled), ""});
  if (e.auc) t.row({"AUC", fmt::format("{:.4f}", *e.auc), "", ""});
  if (e.nats)
    t.row({"nats/token", fmt::format("{:.4f}", *e.nats), fmt::format("{} tokens", e.labelled),
           fmt::format("perplexity {:.4g}", std::exp(*e.nats))});
  if (e.rmse) t.row({"RMSE", fmt::format("{:.6g}", *e.rmse), "", ""});
  if (e.command) t.row({"command", fmt::format("{:.6g}", *e.command), "", ""});
}

// Nodes of one operator that stay in float for one reason, in the order of their first ones.
std::vector<passes::SkippedNode> grouped(const std::vector<passes::SkippedNode>& skipped) {
  std::vector<passes::SkippedNode> groups;
  std::vector<size_t> counts;
  for (const passes::SkippedNode& s : skipped) {
    const auto same = std::find_if(groups.begin(), groups.end(),
                                   [&](const auto& g) { return g.op == s.op && g.reason == s.reason; });
    if (same == groups.end()) {
      groups.push_back(s);
      counts.push_back(1);
      continue;
    }
    same->byte_share += s.byte_share;
    same->mac_share += s.mac_share;
    ++counts[static_cast<size_t>(same - groups.begin())];
  }
  for (size_t i = 0; i < groups.size(); ++i)
    if (counts[i] > 1) groups[i].node += fmt::format(" and {} more", counts[i] - 1);
  return groups;
}

std::string skipped_text(const std::vector<passes::SkippedNode>& skipped) {
  if (skipped.empty()) return "";
  Table t;
  t.column("node");
  t.column("operator");
  t.column("bytes", Align::kRight);
  t.column("MACs", Align::kRight);
  t.column("why it stays in float");
  constexpr size_t kShown = 12;  // one by one; more are told by operator and reason
  const bool many = skipped.size() > kShown;
  for (const passes::SkippedNode& s : many ? grouped(skipped) : skipped)
    t.row({printable(s.node), s.op, fmt::format("{:.1f} %", s.byte_share * 100), fmt::format("{:.1f} %", s.mac_share * 100), s.reason});
  return "\nLeft in float:\n" + t.str() + (many ? "  (one by one with --json)\n" : "");
}

std::string layers_text(const std::vector<flow::LayerComparison>& layers, size_t shown) {
  Table t;
  t.column("layer");
  t.column("operator");
  t.column("SQNR", Align::kRight);
  t.column("likely cause");
  for (size_t i = 0; i < std::min(layers.size(), shown); ++i) t.row({printable(layers[i].name), layers[i].op, db(layers[i].sqnr_db), layers[i].cause});
  return t.empty() ? "" : t.str();
}

std::string proof_text(const std::vector<passes::ChannelProof>& proofs) {
  int64_t channels = 0, saturating = 0, reduced = 0, raised = 0, worst = 0;
  for (const auto& p : proofs) {
    channels += p.channels;
    saturating += p.pair_saturating;
    reduced += p.reduced_to_7_bits;
    raised += p.bias_scale_raised;
    worst = std::max(worst, p.worst_accumulator);
  }
  if (channels == 0) return "";
  std::string out = fmt::format("\nNo accumulator can overflow: the worst of {} channels reaches {:.2f} % of the int32 range.\n", channels,
                                100.0 * static_cast<double>(worst) / 2147483647.0);
  if (saturating > 0)
    out += fmt::format("{} channels could saturate int16 pairs in other runtimes on CPUs without VNNI (ours is exact); --isa-safe avoids it.\n", saturating);
  if (reduced > 0) out += fmt::format("{} channels were given 7-bit weights (--isa-safe).\n", reduced);
  if (raised > 0) out += fmt::format("{} channels got a larger scale so that their bias fits 32 bits.\n", raised);
  return out;
}

void closing_metrics(Table& t, const flow::QuantizeResult& r) {
  if (r.before.eval && r.after.eval) {
    const auto& a = *r.before.eval;
    const auto& b = *r.after.eval;
    if (a.top1 && b.top1)
      t.row({"top-1", percent(*a.top1), percent(*b.top1),
             r.drop_interval ? fmt::format("{} (95 %: {} to {})", signed_percent(*b.top1 - *a.top1), signed_percent(r.drop_interval->low), signed_percent(r.drop_interval->high))
                             : signed_percent(*b.top1 - *a.top1)});
    if (a.top5 && b.top5) t.row({"top-5", percent(*a.top5), percent(*b.top5), signed_percent(*b.top5 - *a.top5)});
    if (a.nats && b.nats) t.row({"nats/token", fmt::format("{:.4f}", *a.nats), fmt::format("{:.4f}", *b.nats), fmt::format("{:+.4f}", *b.nats - *a.nats)});
    if (a.rmse && b.rmse) t.row({"RMSE", fmt::format("{:.4g}", *a.rmse), fmt::format("{:.4g}", *b.rmse), ""});
    if (a.command && b.command) t.row({"command", fmt::format("{:.6g}", *a.command), fmt::format("{:.6g}", *b.command), ""});
  }
  if (!r.comparison) return;
  const std::string where = r.compared_on_calibration ? "on the calibration rows" : "on the data";
  for (const auto& o : r.comparison->outputs) t.row({"output " + printable(o.name), "", db(o.sqnr_db), "SQNR " + where});
  if (r.comparison->top1_agreement) t.row({"same top-1", "", percent(*r.comparison->top1_agreement), where});
}

std::string speed_text(const flow::QuantizeResult& r) {
  if (!r.speed) return "";
  const double times = 1 / r.speed->ratio;
  if (r.speed->ratio > 1.0)
    return fmt::format("The int8 model is SLOWER on this machine: {:.2f} x the time of the float model. --never-slower leaves the layers float that lose.\n", r.speed->ratio);
  return fmt::format("{:.2f} x as fast as float on this machine ({} thread{}).\n", times, r.speed->first.threads, r.speed->first.threads == 1 ? "" : "s");
}

std::string size_change(double before, double after) {
  if (before <= 0 || after <= 0) return "";
  return before >= after ? fmt::format("{:.2f} x smaller", before / after) : fmt::format("{:.2f} x larger", after / before);
}

std::string closing_block(const flow::QuantizeRequest& q, const flow::QuantizeResult& r) {
  Table t;
  t.column("");
  t.column("before", Align::kRight);
  t.column("after", Align::kRight);
  t.column("");
  t.row({"size", format_bytes(r.before.bytes), format_bytes(r.after.bytes),
         size_change(static_cast<double>(r.before.bytes), static_cast<double>(r.after.bytes))});
  closing_metrics(t, r);
  if (r.speed) t.row({"latency", ms(r.speed->first.median_ms), ms(r.speed->second.median_ms), fmt::format("{:.2f} x", 1 / r.speed->ratio)});
  std::string out = "\n" + t.str(0) + "\n" + speed_text(r);
  if (r.outcome == Outcome::kWritten) out += fmt::format("Wrote {} in {} (peak memory {}).\n", printable(q.output), format_seconds(r.seconds), format_bytes(r.peak_rss));
  return out;
}

std::string next_step(const flow::QuantizeRequest& q, const flow::QuantizeResult& r) {
  if (r.outcome == Outcome::kDryRun) return "Next: the same command without --dry-run\n";
  if (r.outcome != Outcome::kWritten) return "";
  const bool judged = r.before.eval.has_value();
  return judged ? fmt::format("Next: precis compare {} {} --data {},count=100 --layers\n", printable(q.input), printable(q.output), q.data ? printable(q.data->path) : "DATA")
                : fmt::format("Next: precis eval {} --data LABELLED_DATA   (accuracy was not measured: no labelled --data)\n", printable(q.output));
}

}  // namespace

std::string quantize_text(const flow::QuantizeRequest& q, const flow::QuantizeResult& r) {
  if (r.outcome == Outcome::kAlreadyQuantized) return r.message + "\n";
  std::string out;
  for (const std::string& line : r.data_lines) out += line + "\n";
  out += skipped_text(r.report.skipped);
  out += proof_text(r.report.proofs);
  if (!r.worst_layers.empty()) out += fmt::format("\nWorst layers, over {} samples:\n", r.comparison->layer_samples) + layers_text(r.worst_layers, 5);
  if (r.outcome == Outcome::kDryRun)
    out += fmt::format("\nDry run: the output would be {} bytes ({} -> {}); nothing was written.\n", r.after.bytes, format_bytes(r.before.bytes), format_bytes(r.after.bytes));
  else
    out += closing_block(q, r);
  return out + next_step(q, r);
}

std::string eval_text(const flow::EvalResult& r, const RunFacts& f) {
  Table t;
  t.column("metric");
  t.column("value", Align::kRight);
  t.column("", Align::kRight);
  t.column("");
  metric_rows(t, r);
  std::string out = fmt::format("{}: {} samples\n", printable(f.model), r.samples) + data_text(f);
  out += t.empty() ? "  the data has no labels or targets: nothing to judge by (see `precis compare` for the differences of two models)\n" : t.str();
  return out + facts_line(f);
}

std::string compare_text(const flow::CompareResult& r, const std::string& reference, const std::string& candidate, const RunFacts& f) {
  Table t;
  t.column("output");
  for (const char* c : {"SQNR", "cosine", "max |diff|", "KL"}) t.column(c, Align::kRight);
  for (const auto& o : r.outputs)
    t.row({printable(o.name), db(o.sqnr_db), fmt::format("{:.6f}", o.cosine), fmt::format("{:.4g}", o.max_abs), fmt::format("{:.3g}", o.kl)});
  std::string out = fmt::format("{} against {}, {} samples\n", printable(candidate), printable(reference), r.samples) + data_text(f) + t.str();
  if (r.top1_agreement) out += fmt::format("  same top-1 on {} of the samples\n", percent(*r.top1_agreement));
  if (!r.layers.empty()) out += fmt::format("\nLayers, worst first, over {} samples:\n", r.layer_samples) + layers_text(r.layers, r.layers.size());
  return out + facts_line(f);
}

namespace {

void latency_row(Table& t, const std::string& name, const flow::Latency& l) {
  t.row({printable(name), ms(l.median_ms), ms(l.p90_ms), ms(l.p99_ms), ms(l.min_ms), ms(l.sd_ms), std::to_string(l.runs)});
}

Table latency_table() {
  Table t;
  t.column("model");
  for (const char* c : {"median", "p90", "p99", "min", "sd", "runs"}) t.column(c, Align::kRight);
  return t;
}

}  // namespace

std::string bench_text(const flow::Latency& l, const RunFacts& f) {
  Table t = latency_table();
  latency_row(t, f.model, l);
  return t.str(0) + facts_line(f);
}

std::string bench_pair_text(const flow::PairedLatency& p, const std::string& other, const RunFacts& f) {
  Table t = latency_table();
  latency_row(t, f.model, p.first);
  latency_row(t, other, p.second);
  return t.str(0) + fmt::format("  {} takes {:.3f} x the time of {} (middle half of the pairs: {:.3f} to {:.3f})\n", printable(other), p.ratio,
                                printable(f.model), p.ratio_low, p.ratio_high) + facts_line(f);
}

namespace {

std::string plan_text(const runtime::PlanInfo& plan) {
  Table t;
  for (const char* c : {"step", "operator", "kernel", "inputs", "outputs"}) t.column(c);
  for (const auto& s : plan.steps) {
    t.row({printable(s.node), operators_of(s), s.kernel, fmt::format("{}", fmt::join(s.inputs, " ")), fmt::format("{}", fmt::join(s.outputs, " "))});
  }
  return fmt::format("\nPlan: {} steps, arena {}, packed weights {}\n", plan.steps.size(), format_bytes(plan.arena_bytes), format_bytes(plan.weight_bytes)) + t.str();
}

std::string quantization_text(const flow::QuantizationSummary& q) {
  const auto share = [](double part, double whole) { return percent(whole > 0 ? part / whole : 0); };
  std::string out = fmt::format("  quantized: {} of the MACs and {} of the weights' bytes; {} products on codes, {} with encoded weights alone, {} in float\n",
                                share(static_cast<double>(q.integer_macs), static_cast<double>(q.macs)),
                                share(static_cast<double>(q.code_bytes), static_cast<double>(q.weight_bytes)), q.integer, q.weight_only, q.real);
  for (const auto& [kind, count] : q.kinds(false)) out += fmt::format("    activations {}: {}\n", kind, count);
  if (q.run_time > 0) out += fmt::format("    activations at run time: {}\n", q.run_time);
  for (const auto& [kind, count] : q.kinds(true)) out += fmt::format("    constants {}: {}\n", kind, count);
  return out;
}

}  // namespace

std::string inspect_text(const flow::ModelSummary& s, const runtime::PlanInfo* plan, const RunFacts& f) {
  std::string out = fmt::format("{}: {}, opset {}, IR {}{}\n", printable(f.model), format_bytes(s.file_bytes), s.opset, s.ir_version,
                                s.producer.empty() ? "" : ", made by " + printable(s.producer));
  for (const auto& v : s.inputs) out += fmt::format("  input   {}: {}\n", printable(v.name), printable(v.type));
  for (const auto& v : s.outputs) out += fmt::format("  output  {}: {}\n", printable(v.name), printable(v.type));
  out += fmt::format("  {} nodes, {} parameters ({}), {} MACs\n", s.nodes, format_count(static_cast<double>(s.parameters)), format_bytes(s.weight_bytes),
                     format_count(static_cast<double>(s.macs)));
  for (const auto& [kind, count] : s.parameters_by_type) out += fmt::format("    {}: {}\n", kind, count);
  if (s.quantization.any()) out += quantization_text(s.quantization);
  Table t;
  t.column("operator");
  for (const char* c : {"count", "on codes", "MACs", "weights"}) t.column(c, Align::kRight);
  for (const auto& o : s.operators)
    t.row({printable(o.op), std::to_string(o.count), o.quantized ? std::to_string(o.quantized) : "", o.macs ? format_count(static_cast<double>(o.macs)) : "",
           o.weight_bytes ? format_bytes(o.weight_bytes) : ""});
  out += t.str();
  for (const auto& w : s.warnings) out += "  warning: " + printable(w) + "\n";
  if (plan != nullptr) out += plan_text(*plan);
  return out;
}

std::string check_text(const std::vector<Problem>& problems, const RunFacts& f) {
  std::string out;
  int64_t errors = 0;
  for (const auto& p : problems) {
    const bool error = p.level == Problem::Level::kError;
    errors += error;
    out += fmt::format("{}: {}: {}\n", error ? "error" : "warning", p.where, p.message);
  }
  out += fmt::format("{}: {} error{}, {} warning{}\n", printable(f.model), errors, errors == 1 ? "" : "s", static_cast<int64_t>(problems.size()) - errors,
                     static_cast<int64_t>(problems.size()) - errors == 1 ? "" : "s");
  return out;
}

std::string run_text(const flow::RunModelResult& r, const std::string& folder, const RunFacts& f) {
  std::string out = fmt::format("{}: {} samples, outputs in {}\n", printable(f.model), r.samples, printable(folder)) + data_text(f);
  for (size_t i = 0; i < r.files.size(); ++i) out += fmt::format("  {} {}\n", printable(r.files[i]), r.shapes[i]);
  return out + facts_line(f);
}

std::string doctor_text(const flow::Doctor& d) {
  std::string out = fmt::format("precis {}\n  CPU       {}\n  kernels   {}{}\n  cores     {} usable, {} threads\n  memory    {}\n", d.version, d.cpu, d.isa,
                                d.forced_isa.empty() ? "" : " (forced by PRECIS_FORCE_ISA)", d.cores, d.threads, format_bytes(d.memory_bytes));
  for (const auto& [name, value] : d.libraries) out += fmt::format("  library   {} {}\n", name, value);
  for (const auto& [name, value] : d.limits) out += fmt::format("  limit     {}: {}\n", name, value);
  if (d.peak) out += "  peak      " + peak_text(*d.peak) + "\n";
  for (const auto& a : d.advice) out += "  note      " + a + "\n";
  return out;
}

}  // namespace precis::report
