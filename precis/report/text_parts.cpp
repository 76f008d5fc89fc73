// See text_parts.h.
#include "precis/report/text_parts.h"

#include <fmt/format.h>

#include "precis/core/text.h"

namespace precis::report {

std::string percent(double rate) { return fmt::format("{:.2f} %", rate * 100); }
std::string ms(double v) { return fmt::format("{:.3g} ms", v); }

std::string facts_line(const RunFacts& f) {
  return fmt::format("  {} thread{}, {}, peak memory {}\n", f.threads, f.threads == 1 ? "" : "s", format_seconds(f.seconds), format_bytes(f.peak_rss_bytes));
}

std::string operators_of(const runtime::StepInfo& s) {
  std::string op = s.op;
  for (const auto& f : s.fused) op += "+" + f;
  return op;
}

std::string peak_text(const flow::MachinePeak& p) {
  return fmt::format("{:.4g} GFLOP/s in f32, {:.4g} GOP/s in int8, {:.3g} GB/s from memory, {} thread{}", p.gflops, p.gops, p.read_gb_s, p.threads,
                     p.threads == 1 ? "" : "s");
}

}  // namespace precis::report
