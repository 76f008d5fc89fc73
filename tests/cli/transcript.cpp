// Parsing, running and normalizing of transcripts.
#include "tests/cli/transcript.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <regex>
#include <sstream>

#include "tests/support/files.h"
#include "tests/support/process.h"

namespace precis::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Content of every file of the folder by relative path; links (the data sets) are not followed.
std::map<std::string, std::string> snapshot(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = fs::relative(entry.path(), folder).string();
    if (entry.is_symlink())
      files[name] = "link";
    else if (entry.is_directory())
      files[name + "/"] = "folder";
    else
      files[name] = slurp(entry.path().string());
  }
  return files;
}

std::string changes(const std::map<std::string, std::string>& before,
                    const std::map<std::string, std::string>& after) {
  std::string text;
  for (const auto& [name, content] : after) {
    const auto was = before.find(name);
    if (was == before.end())
      text += " +" + name;
    else if (was->second != content)
      text += " ~" + name;
  }
  for (const auto& [name, content] : before)
    if (after.count(name) == 0) text += " -" + name;
  return text.empty() ? "" : "[files" + text + "]\n";
}

std::string with_mark(const std::string& text, const std::string& mark) {
  std::string out;
  for (const std::string& line : lines_of(text))
    out += (line.empty() ? mark.substr(0, 1) : mark + line) + "\n";
  return out;
}

}  // namespace

std::vector<Step> parse_transcript(const std::string& text) {
  std::vector<Step> steps;
  std::vector<std::string> comments;
  for (const std::string& line : lines_of(text)) {
    if (line.rfind("$ ", 0) == 0) {
      steps.push_back({comments, line.substr(2), ""});
      comments.clear();
    } else if (line.rfind("# ", 0) == 0 || (line.empty() && !comments.empty())) {
      comments.push_back(line);
    } else if (!steps.empty()) {
      steps.back().expected += line + "\n";
    }
  }
  return steps;
}

std::string print_transcript(const std::vector<Step>& steps) {
  std::string text;
  for (const Step& s : steps) {
    for (const std::string& c : s.comments) text += c + "\n";
    text += "$ " + s.command + "\n" + s.expected;
  }
  return text;
}

std::string normalized(const std::string& text) {
  static const std::vector<std::pair<std::regex, const char*>> rules = {
      {std::regex("\\b[0-9a-f]{64}\\b"), "<sha256>"},
      {std::regex("peak memory [0-9.]+ [KMG]iB"), "peak memory <size>"},
      {std::regex("\"(peak_rss_bytes)\": [0-9]+"), "\"$1\": <size>"},
      {std::regex("\"(seconds|prepare|calibrate|quantize_static|write)\": [-+.e0-9]+"), "\"$1\": <time>"},
      {std::regex("\\b[0-9]+ min [0-9]+ s\\b"), "<time>"},
      {std::regex("\\b[0-9]+(\\.[0-9]+)? (us|ms|s)\\b"), "<time>"},
      {std::regex("precis [0-9]+\\.[0-9]+\\.[0-9]+"), "precis <version>"},
  };
  std::string out = text;
  for (const auto& [pattern, word] : rules) out = std::regex_replace(out, pattern, word);
  return out;
}

std::string run_step(const Step& step, const std::string& folder, const std::string& program) {
  const auto before = snapshot(folder);
  ProcessOptions options;
  options.folder = folder;
  // One instruction set, so that last bits of float results are those of any machine.
  options.environment = {"PATH=" + fs::path(program).parent_path().string() + ":/usr/bin:/bin",
                         "PRECIS_FORCE_ISA=avx2", "LC_ALL=C", "TERM=dumb"};
  const ProcessResult r = run_process({"sh", "-c", step.command}, options);
  std::string text = normalized(r.out);
  if (!text.empty() && text.back() != '\n') text += "\n";
  text += with_mark(normalized(r.err), "! ");
  text += r.signal != 0 || r.timed_out
              ? fmt::format("[signal {}{}]\n", r.signal, r.timed_out ? ", timed out" : "")
              : fmt::format("[exit {}]\n", r.exit_code);
  return text + changes(before, snapshot(folder));
}

}  // namespace precis::test
