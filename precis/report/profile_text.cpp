// What `precis bench --profile` tells a person: step by step, by operator, and the whole beside the peak.
#include <fmt/format.h>

#include <algorithm>

#include "precis/core/text.h"
#include "precis/report/table.h"
#include "precis/report/text_parts.h"

namespace precis::report {
namespace {

using Align = Table::Align;

std::string rate(double value) { return value > 0 ? fmt::format("{:.4g}", value) : ""; }

// Time and operations of all steps of one kind.
struct Group {
  std::string op;
  int count = 0;
  double ms = 0, operations_per_ns = 0, possible = 0;
};

// By operator, the longest first; `possible` is what the peak would have done in the time.
std::vector<Group> by_operator(const flow::Profile& p) {
  std::vector<Group> groups;
  for (const flow::ProfiledStep& s : p.steps) {
    const std::string op = s.info.op + (s.info.quantized ? " (int8)" : "");
    auto at = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.op == op; });
    if (at == groups.end()) at = groups.insert(at, {op});
    ++at->count;
    at->ms += s.median_ms;
    at->operations_per_ns += s.gops() * s.median_ms;
    at->possible += p.peak_of(s) * s.median_ms;
  }
  std::sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) { return a.ms > b.ms; });
  return groups;
}

std::string steps_table(const flow::Profile& p) {
  Table t;
  for (const char* c : {"step", "operator", "kernel"}) t.column(c);
  for (const char* c : {"threads", "time", "share", "GOP/s", "of peak", "GB/s"}) t.column(c, Align::kRight);
  const double sum = p.steps_ms();
  for (const auto& s : p.steps)
    t.row({printable(s.info.node), operators_of(s.info), s.info.kernel, std::to_string(s.info.threads),
           ms(s.median_ms), percent(sum > 0 ? s.median_ms / sum : 0), rate(s.gops()),
           p.peak_of(s) > 0 ? percent(s.gops() / p.peak_of(s)) : "", rate(s.gb_s())});
  return t.str(0);
}

std::string operators_table(const flow::Profile& p) {
  Table t;
  t.column("operator");
  for (const char* c : {"steps", "time", "share", "GOP/s", "of peak"}) t.column(c, Align::kRight);
  const double sum = p.steps_ms();
  for (const Group& g : by_operator(p))
    t.row({g.op, std::to_string(g.count), ms(g.ms), percent(sum > 0 ? g.ms / sum : 0),
           g.ms > 0 ? rate(g.operations_per_ns / g.ms) : "",
           g.possible > 0 ? percent(g.operations_per_ns / g.possible) : ""});
  return t.str(0);
}

// Milliseconds that the operations alone would take at the peak.
double at_peak(const flow::Profile& p) {
  double sum = 0;
  for (const auto& s : p.steps)
    if (p.peak_of(s) > 0) sum += s.gops() * s.median_ms / p.peak_of(s);
  return sum;
}

}  // namespace

std::string profile_text(const flow::Profile& p, const RunFacts& f) {
  const double run = p.latency.median_ms, possible = at_peak(p);
  return steps_table(p) + "\n" + operators_table(p) +
         fmt::format(
             "\n  a run takes {} (median of {}), its steps {} by themselves; at this machine's peak it "
             "would be {} ({})\n",
             ms(run), p.latency.runs, ms(p.steps_ms()), ms(possible), percent(run > 0 ? possible / run : 0)) +
         "  peak: " + peak_text(p.peak) + "\n" + facts_line(f);
}

}  // namespace precis::report
