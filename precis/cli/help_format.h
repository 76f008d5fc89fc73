// How help looks: examples first, one line per command, values as words, wrapped at 100 columns.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace precis::cli {

inline constexpr const char* kCommonFlags = "Flags of all commands";  // this group is shown last

// Examples are the app's footer, shown first.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
};

std::string help_text(const CLI::App& app);

}  // namespace precis::cli
