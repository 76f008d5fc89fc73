// Tensor overrides; the rules they give print and parse as the command line does it.
#include "fuzz/targets/targets.h"
#include "precis/flow/run.h"

namespace precis::fuzz {

void overrides_target(Bytes input) {
  const std::string path = as_file(input, "overrides.json");
  std::vector<passes::OverrideRule> rules;
  if (!accepts([&] { rules = flow::read_tensor_overrides(path); })) return;
  for (const passes::OverrideRule& rule : rules)
    for (const std::string& line : flow::print_rules(rule)) accepts([&] { flow::parse_rule(line); });
}

}  // namespace precis::fuzz
