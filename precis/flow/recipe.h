// Recipe: the list of stages that a command runs, as YAML (JSON is YAML too). Every subcommand is a recipe; it travels in the
// output's metadata, without paths, thread counts and output names, so that the same inputs replayed give the same bytes.
//   recipe: 1
//   stages:
//     - prepare: {}
//     - calibrate: {count: 100}
//     - quantize_static: {target: onnxruntime, observer: mse, weights: s8, activations: u8, rules: ["/fc$/.quantize=false"]}
//     - write: {format: qdq}
#pragma once

#include <map>
#include <string>
#include <vector>

namespace precis::flow {

using StageOptions = std::map<std::string, std::vector<std::string>>;  // a scalar is a list of one

struct Stage {
  std::string name;
  StageOptions options;
  int line = 0;                   // in the recipe's text, for messages
};

struct Recipe {
  std::vector<Stage> stages;
  Stage* find(const std::string& name);
  const Stage* find(const std::string& name) const;
};

Recipe parse_recipe(const std::string& text, const std::string& where);  // Error(kUsage) with line and nearest key
std::string print_recipe(const Recipe& recipe);                          // canonical: parse(print(r)) == r

}  // namespace precis::flow
