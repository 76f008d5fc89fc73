// Recipes as YAML: reading through precis/data/yaml.h (limits, line numbers), writing in one canonical form.
#include "precis/flow/recipe.h"

#include <algorithm>
#include <array>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/data/yaml.h"

namespace precis::flow {
namespace {

const std::array<std::string, 2> kTopKeys = {"recipe", "stages"};

std::vector<std::string> option_values(const data::YamlNode& node, const std::string& key) {
  std::vector<std::string> values;
  if (node.is_scalar()) return {node.as_string(key.c_str())};
  if (node.is_sequence()) {
    for (const data::YamlNode& item : node.items) values.push_back(item.as_string(key.c_str()));
    return values;
  }
  node.fail_value(fmt::format("option '{}' must be a value or a list of values", printable(key)));
}

// A stage is its name alone ("- prepare") or a map with one key ("- quantize_static: {target: precis}").
Stage read_stage(const data::YamlNode& node) {
  Stage stage;
  stage.line = node.line;
  if (node.is_scalar()) {
    stage.name = node.as_string("stage");
    return stage;
  }
  if (!node.is_map() || node.keys.size() != 1) node.fail_value("a stage must be a name, or one name with its options: `- quantize_static: {target: precis}`");
  stage.name = node.keys[0];
  const data::YamlNode& options = node.items[0];
  if (options.is_null()) return stage;
  if (!options.is_map()) options.fail_value(fmt::format("the options of stage '{}' must be a map", printable(stage.name)));
  for (size_t i = 0; i < options.keys.size(); ++i) stage.options[options.keys[i]] = option_values(options.items[i], options.keys[i]);
  return stage;
}

// Double quotes keep every value one scalar of text, whatever it contains.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') out += "\\n";
    else if (static_cast<unsigned char>(c) < 0x20) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else out += c;
  }
  return out + "\"";
}

bool plain(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  }) && text[0] != '-' && text[0] != '.';
}

std::string scalar(const std::string& text) { return plain(text) ? text : quoted(text); }

}  // namespace

Stage* Recipe::find(const std::string& name) {
  const auto it = std::find_if(stages.begin(), stages.end(), [&](const Stage& s) { return s.name == name; });
  return it == stages.end() ? nullptr : &*it;
}

const Stage* Recipe::find(const std::string& name) const { return const_cast<Recipe*>(this)->find(name); }

Recipe parse_recipe(const std::string& text, const std::string& where) {
  const data::YamlNode root = data::parse_yaml(text, where);
  if (!root.is_map()) root.fail_value("a recipe must be a map with the keys recipe and stages");
  root.check_keys(kTopKeys, "recipe");
  const data::YamlNode* version = root.find("recipe");
  if (version == nullptr || version->as_int("recipe") != 1) root.fail_value("a recipe must say its version: `recipe: 1`");
  const data::YamlNode* stages = root.find("stages");
  if (stages == nullptr || !stages->is_sequence()) root.fail_value("a recipe must have a list of stages");
  Recipe recipe;
  for (const data::YamlNode& node : stages->items) recipe.stages.push_back(read_stage(node));
  return recipe;
}

std::string print_recipe(const Recipe& recipe) {
  std::string out = "recipe: 1\nstages:\n";
  for (const Stage& stage : recipe.stages) {
    out += "  - " + scalar(stage.name) + ": {";
    const char* separator = "";
    for (const auto& [key, values] : stage.options) {
      out += separator + scalar(key) + ": ";
      separator = ", ";
      if (values.size() == 1 && key != "rules") {
        out += scalar(values[0]);
        continue;
      }
      out += "[";
      for (size_t i = 0; i < values.size(); ++i) out += (i ? ", " : "") + scalar(values[i]);
      out += "]";
    }
    out += "}\n";
  }
  return out;
}

}  // namespace precis::flow
