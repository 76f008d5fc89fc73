// Tables for other programs: CSV as RFC 4180 has it.
#include <fmt/format.h>
#include "precis/report/format.h"

namespace precis::report {
namespace {

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

}  // namespace

std::string profile_csv(const flow::Profile& p) {
  std::string out = "node,op,fused,kernel,quantized,threads,macs,bytes,median_ms,min_ms,gops,of_peak,gb_s\r\n";
  for (const flow::ProfiledStep& s : p.steps) {
    const double peak = p.peak_of(s);
    out += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n", quoted(s.info.node), quoted(s.info.op),
                       quoted(fmt::format("{}", fmt::join(s.info.fused, "+"))), quoted(s.info.kernel), s.info.quantized ? 1 : 0, s.info.threads,
                       s.info.macs, s.info.bytes, s.median_ms, s.min_ms, s.gops(), peak > 0 ? fmt::format("{}", s.gops() / peak) : "", s.gb_s());
  }
  return out;
}

}  // namespace precis::report
