// What the subcommands share: global flags, data flags, model reading, and the two ways a result leaves (text
// or one JSON document).
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "precis/cli/progress.h"
#include "precis/data/source.h"
#include "precis/flow/evaluate.h"
#include "precis/onnx/onnx_io.h"
#include "precis/report/format.h"

namespace precis::cli {

struct Globals {
  int threads = 0;
  std::string json;  // "" = text, "-" = the document on stdout, else the file it goes to
  bool quiet = false, follow_links = false;
  std::string progress = "auto";
  std::string max_memory;  // "8G"
};

// One subcommand: its options live in a shared_ptr that its action captures.
using Action = std::function<int()>;
using Registrar = void (*)(CLI::App& app, Globals& globals, Action& action);

void add_inspect(CLI::App& app, Globals& globals, Action& action);
void add_check(CLI::App& app, Globals& globals, Action& action);
void add_quantize(CLI::App& app, Globals& globals, Action& action);
void add_simplify(CLI::App& app, Globals& globals, Action& action);
void add_eval(CLI::App& app, Globals& globals, Action& action);
void add_compare(CLI::App& app, Globals& globals, Action& action);
void add_bench(CLI::App& app, Globals& globals, Action& action);
void add_run(CLI::App& app, Globals& globals, Action& action);
void add_doctor(CLI::App& app, Globals& globals, Action& action);

// A subcommand whose help begins with examples.
CLI::App* add_command(CLI::App& app, Globals& globals, const char* name, const char* summary,
                      const char* examples);

struct OpenedData {
  data::SourcePtr source;
  std::vector<std::string> lines;     // what was read and how it is fed, for the report
  std::vector<std::string> warnings;  // doubts about it
};

struct DataFlags {
  std::string data, preprocess, labels;
  void add_to(CLI::App* command, const char* what);
  // `feed`: what the data does not bring. Opens `data` for the model at `model_path`; without --preprocess
  // the model's own preprocessing is used (flow::find_preprocess).
  OpenedData open(const Model& model, const std::string& model_path,
                  const flow::FeedOptions& feed = {}) const;
};

// What a model is fed beside its data.
struct FeedFlags {
  std::vector<std::string> states, constants;
  void add_to(CLI::App* command);
  flow::FeedOptions options() const;
};

onnx_io::ReadResult read_model(const std::string& path, const Globals& globals);
// Reads, validates and infers types: what every command that runs a model needs.
onnx_io::ReadResult read_runnable(const std::string& path, const Globals& globals);
// "4G", "512M", "100" -> bytes; Error(kUsage) naming the flag.
uint64_t parse_bytes(const char* flag, const std::string& text);
flow::Progress progress_of(std::shared_ptr<ProgressPrinter> printer);
std::shared_ptr<ProgressPrinter> make_progress(const Globals& globals);
report::RunFacts facts_of(const std::string& model, int threads);
// Text to stdout unless --quiet; with --json the document instead (stdout or the named file).
void emit(const Globals& globals, const std::string& text, const std::string& json);
void warn(const Globals& globals, const std::vector<std::string>& warnings);

}  // namespace precis::cli
