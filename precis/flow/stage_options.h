// Typed reading of a stage's options; every error names the recipe's line, the stage, the key and what was expected. Internal.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/flow/recipe.h"

namespace precis::flow {

std::string get_string(const Stage& stage, const std::string& key, const std::string& fallback);
int64_t get_int(const Stage& stage, const std::string& key, int64_t fallback);
double get_double(const Stage& stage, const std::string& key, double fallback);
bool get_bool(const Stage& stage, const std::string& key, bool fallback);
[[noreturn]] void bad_option(const Stage& stage, const std::string& key, const std::string& found, const std::string& expected);

template <typename T>
T get_choice(const Stage& stage, const std::string& key, const std::vector<std::pair<std::string, T>>& choices, T fallback) {
  if (stage.options.count(key) == 0) return fallback;
  const std::string found = get_string(stage, key, "");
  std::string names;
  for (const auto& [name, value] : choices) {
    if (found == name) return value;
    names += (names.empty() ? "" : ", ") + name;
  }
  bad_option(stage, key, found, "one of " + names);
}

template <typename T>
std::string choice_name(const std::vector<std::pair<std::string, T>>& choices, T value) {
  for (const auto& [name, v] : choices)
    if (v == value) return name;
  fail(ErrorCode::kInternal, "an option has no name");
}

}  // namespace precis::flow
