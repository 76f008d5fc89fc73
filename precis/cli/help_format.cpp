// Two columns, the right one wrapped.
#include "precis/cli/help_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace precis::cli {
namespace {

constexpr size_t kLeft = 30, kWidth = 100;

std::string entry(const std::string& left, const std::string& text) {
  std::string out = "  " + left, line;
  if (out.size() + 2 > kLeft)
    out += "\n" + std::string(kLeft, ' ');
  else
    out.resize(kLeft, ' ');
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!line.empty() && kLeft + line.size() + 1 + word.size() > kWidth) {
      out += line + "\n" + std::string(kLeft, ' ');
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    at = end + 1;
  }
  return out + line + "\n";
}

// What a flag takes: "a|b|c" when it is one of a few words, else a word for its kind.
std::string value_word(const CLI::Option& o) {
  if (!o.get_option_text().empty()) return o.get_option_text();
  if (o.get_expected_min() == 0) return "";  // a flag
  const std::string type = o.get_type_name();
  const size_t open = type.find(":{");
  if (open != std::string::npos) {
    std::string words = type.substr(open + 2, type.find('}') - open - 2);
    std::replace(words.begin(), words.end(), ',', '|');
    return words;
  }
  const std::string kind = type.substr(0, type.find(':'));
  return kind == "INT" ? "N" : kind == "FLOAT" ? "NUMBER" : "TEXT";
}

std::string flag_entry(const CLI::Option& o) {
  std::vector<std::string> names;
  for (const std::string& s : o.get_snames()) names.push_back("-" + s);
  for (const std::string& l : o.get_lnames()) names.push_back("--" + l);
  std::string left = fmt::format("{}", fmt::join(names, ", "));
  if (o.get_snames().empty()) left = "    " + left;
  const std::string value = value_word(o);
  return entry(value.empty() ? left : left + " " + value, o.get_description());
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string usage(const CLI::App& app, const std::string& name) {
  std::string line = "Usage: " + name;
  if (!app.get_subcommands([](const CLI::App*) { return true; }).empty()) line += " COMMAND";
  for (const CLI::Option* o : app.get_options([](const CLI::Option* x) { return x->get_positional(); }))
    line += o->get_required() ? " " + upper(o->get_name()) : " [" + upper(o->get_name()) + "]";
  return line + " [FLAGS]\n";
}

std::string positionals(const CLI::App& app) {
  std::string out;
  for (const CLI::Option* o : app.get_options([](const CLI::Option* x) { return x->get_positional(); }))
    out += entry(upper(o->get_name()), o->get_description());
  return out.empty() ? "" : "\n" + out;
}

std::string group_text(const CLI::App& app, const std::string& group) {
  std::string out;
  for (const CLI::Option* o :
       app.get_options([&](const CLI::Option* x) { return x->nonpositional() && x->get_group() == group; }))
    out += flag_entry(*o);
  return out.empty() ? "" : "\n" + (group == "Options" ? "Flags" : group) + ":\n" + out;
}

std::string commands(const CLI::App& app) {
  std::string out;
  for (const CLI::App* c : app.get_subcommands([](const CLI::App*) { return true; }))
    out += entry(c->get_name(), c->get_description());
  return out.empty() ? "" : "\nCommands:\n" + out;
}

}  // namespace

std::string HelpFormatter::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode) const {
  std::string out =
      "Examples:\n" + app->get_footer() + "\n" + app->get_description() + "\n\n" + usage(*app, name);
  out += commands(*app) + positionals(*app);
  for (const std::string& group : app->get_groups())
    if (group != kCommonFlags) out += group_text(*app, group);
  out += group_text(*app, kCommonFlags);
  if (app->get_parent() == nullptr)
    out +=
        "\n`precis COMMAND --help` explains a command, `precis help TOPIC` a topic: data, rules, "
        "exit-codes.\n";
  return out;
}

std::string help_text(const CLI::App& app) {
  const std::string name =
      app.get_parent() == nullptr ? app.get_name() : app.get_parent()->get_name() + " " + app.get_name();
  return app.get_formatter()->make_help(&app, name, CLI::AppFormatMode::Normal);
}

}  // namespace precis::cli
