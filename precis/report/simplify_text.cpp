// What `precis simplify` tells a person.
#include <fmt/format.h>

#include "precis/core/text.h"
#include "precis/report/format.h"
#include "precis/report/table.h"

namespace precis::report {
namespace {

using Align = Table::Align;

std::string changes_text(const flow::SimplifyResult& r) {
  if (r.changes.empty()) return "No pass found anything to change.\n";
  Table t;
  t.column("pass");
  t.column("changes", Align::kRight);
  for (const auto& [name, changes] : r.changes) t.row({name, std::to_string(changes)});
  return t.str(0);
}

std::string count(int64_t n) { return format_count(static_cast<double>(n)); }

std::string sizes_text(const flow::SimplifyResult& r) {
  Table t;
  t.column("");
  t.column("before", Align::kRight);
  t.column("after", Align::kRight);
  for (const flow::OperatorChange& o : flow::operator_changes(r.before, r.after))
    t.row({printable(o.op), std::to_string(o.before), std::to_string(o.after)});
  t.row({"all nodes", std::to_string(r.before.nodes), std::to_string(r.after.nodes)});
  t.row({"MACs", count(r.before.macs), count(r.after.macs)});
  t.row({"parameters", count(r.before.parameters), count(r.after.parameters)});
  t.row({"bytes", std::to_string(r.before.file_bytes), std::to_string(r.after.file_bytes)});
  if (r.after.opset > 0) t.row({"opset", std::to_string(r.before.opset), std::to_string(r.after.opset)});
  return t.str(0);
}

std::string equality_text(const flow::Equality& e) {
  double largest = 0;
  bool bit_equal = true;
  for (const flow::OutputEquality& o : e.outputs) {
    largest = std::max(largest, o.difference);
    bit_equal = bit_equal && o.bit_equal;
  }
  const std::string samples = fmt::format("{} sample{}", e.samples, e.samples == 1 ? "" : "s");
  if (!e.values_compared) return fmt::format("Types and shapes of the outputs are equal on {}.\n", samples);
  if (bit_equal) return fmt::format("Equal on {}: every bit of every output.\n", samples);
  return fmt::format(
      "Equal on {}: floats differ by at most {:.1e} of the largest value of their output ({:.0e} is allowed: "
      "sums in "
      "another order), integers not at all.\n",
      samples, largest, e.tolerance);
}

}  // namespace

std::string simplify_text(const flow::SimplifyRequest& q, const flow::SimplifyResult& r) {
  std::string out = changes_text(r) + "\n" + sizes_text(r);
  if (!r.notes.empty()) {
    out += "\nLeft as it is:\n";
    for (const std::string& note : r.notes) out += "  " + note + "\n";
  }
  out += "\n";
  for (const std::string& line : r.data_lines) out += line + "\n";
  if (r.equality) out += equality_text(*r.equality);
  if (r.outcome == flow::SimplifyResult::Outcome::kDryRun)
    return out +
           fmt::format("Dry run: the output would be {} bytes; nothing was written.\n", r.after.file_bytes);
  return out + fmt::format("Wrote {} in {} (peak memory {}).\n", printable(q.output),
                           format_seconds(r.seconds), format_bytes(r.peak_rss));
}

std::string passes_text(const std::vector<flow::PassChoice>& passes) {
  Table t;
  for (const char* title : {"pass", "run", "what it does"}) t.column(title);
  for (const flow::PassChoice& p : passes)
    t.row({p.name,
           !p.usual      ? "with --only"
           : p.opset > 0 ? fmt::format("from opset {}", p.opset)
                         : "always",
           p.summary});
  return t.str(0);
}

}  // namespace precis::report
