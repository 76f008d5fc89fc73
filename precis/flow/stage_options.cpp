// Scalars of a stage's options.
#include "precis/flow/stage_options.h"

namespace precis::flow {

void bad_option(const Stage& stage, const std::string& key, const std::string& found, const std::string& expected) {
  fail(ErrorCode::kUsage, "recipe line {}: option {} of stage '{}' is '{}', expected {}", stage.line, key, stage.name, printable(found), expected);
}

std::string get_string(const Stage& stage, const std::string& key, const std::string& fallback) {
  const auto it = stage.options.find(key);
  if (it == stage.options.end()) return fallback;
  if (it->second.size() != 1) bad_option(stage, key, fmt::format("a list of {} values", it->second.size()), "one value");
  return it->second[0];
}

int64_t get_int(const Stage& stage, const std::string& key, int64_t fallback) {
  if (stage.options.count(key) == 0) return fallback;
  const std::string text = get_string(stage, key, "");
  int64_t value = 0;
  if (!parse_int(text, value) || value < 0) bad_option(stage, key, text, "a number of 0 or more");
  return value;
}

double get_double(const Stage& stage, const std::string& key, double fallback) {
  if (stage.options.count(key) == 0) return fallback;
  const std::string text = get_string(stage, key, "");
  double value = 0;
  if (!parse_double(text, value)) bad_option(stage, key, text, "a number");
  return value;
}

bool get_bool(const Stage& stage, const std::string& key, bool fallback) {
  if (stage.options.count(key) == 0) return fallback;
  const std::string text = get_string(stage, key, "");
  if (text == "true") return true;
  if (text == "false") return false;
  bad_option(stage, key, text, "true or false");
}

}  // namespace precis::flow
