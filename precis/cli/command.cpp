// Shared plumbing of the subcommands.
#include "precis/cli/command.h"

#include <fmt/format.h>

#include "precis/cli/help_format.h"
#include "precis/core/check.h"
#include "precis/core/parallel.h"
#include "precis/core/text.h"
#include "precis/data/input_statistics.h"
#include "precis/flow/measure.h"
#include "precis/flow/model_files.h"
#include "precis/flow/provenance.h"

namespace precis::cli {
namespace {

const std::vector<std::pair<std::string, ProgressMode>> kProgressModes = {{"auto", ProgressMode::kAuto},
                                                                          {"bar", ProgressMode::kBar},
                                                                          {"lines", ProgressMode::kLines},
                                                                          {"none", ProgressMode::kNone}};

}  // namespace

CLI::App* add_command(CLI::App& app, Globals& g, const char* name, const char* summary,
                      const char* examples) {
  CLI::App* c = app.add_subcommand(name, summary);
  c->footer(examples);
  c->set_help_flag("-h,--help", "print this help")->group(kCommonFlags);
  c->add_option("-t,--threads", g.threads, "threads to use (default: all usable cores)")
      ->check(CLI::Range(1, 1024))
      ->group(kCommonFlags);
  c->add_flag("--json{-}", g.json,
              "one JSON document on stdout instead of text, or --json=FILE for both (schemas: docs/json.md)")
      ->group(kCommonFlags);
  c->add_flag("-q,--quiet", g.quiet, "print nothing but errors and the JSON document")->group(kCommonFlags);
  c->add_option("--progress", g.progress, "on stderr (default auto: bar on a terminal, lines elsewhere)")
      ->check(CLI::IsMember({"auto", "bar", "lines", "none"}))
      ->group(kCommonFlags);
  c->add_option("--max-memory", g.max_memory, "refuse inputs that would need more memory, e.g. 4G")
      ->option_text("SIZE")
      ->group(kCommonFlags);
  c->add_flag("--follow-links", g.follow_links,
              "read external data through symbolic and hard links (model caches are made of them)")
      ->group(kCommonFlags);
  return c;
}

void DataFlags::add_to(CLI::App* c, const char* what) {
  c->add_option("--data", data, what)->option_text("DATA");
  c->add_option("--preprocess", preprocess,
                "preset or YAML file for images (default: MODEL.preprocess.yaml beside the model, or what "
                "the model remembers)")
      ->option_text("NAME|FILE");
  c->add_option("--labels", labels, "labels file (csv, npy or idx) when the data does not bring its own")
      ->option_text("FILE");
}

void FeedFlags::add_to(CLI::App* c) {
  c->add_option(
       "--state", states,
       "an output that goes into an input of the next call; zeros in a sample's first call; repeatable")
      ->option_text("OUTPUT=INPUT")
      ->allow_extra_args(false);
  c->add_option("--input", constants, "one number for an input that the data does not bring; repeatable")
      ->option_text("NAME=NUMBER")
      ->allow_extra_args(false);
}

flow::FeedOptions FeedFlags::options() const {
  flow::FeedOptions options;
  for (const std::string& s : states) options.states.push_back(flow::parse_state(s));
  for (const std::string& c : constants) options.constants.push_back(flow::parse_constant(c));
  return options;
}

OpenedData DataFlags::open(const Model& model, const std::string& model_path,
                           const flow::FeedOptions& feed) const {
  check(!data.empty(), ErrorCode::kUsage,
        "this command needs data: give --data PATH (`precis help data` lists the forms that are read)");
  data::DataSpec spec = data::parse_data_spec(data);
  if (!labels.empty()) spec.labels = labels;
  if (!spec.preprocess) spec.preprocess = flow::find_preprocess(preprocess, model_path, model);
  const std::vector<data::InputSpec> inputs = flow::Feed(model.graph, feed).data_inputs();
  OpenedData opened;
  opened.source = data::open_source(spec, inputs);
  opened.lines.push_back("data: " + opened.source->describe());
  if (spec.preprocess) opened.lines.push_back("preprocess: " + data::preprocess_summary(*spec.preprocess));
  const auto statistics = data::input_statistics(*opened.source, inputs);
  for (const data::InputStatistics& s : statistics) opened.lines.push_back(data::statistics_text(s));
  opened.warnings =
      data::range_warnings(statistics, spec.preprocess ? data::Pixels::kAsChosen : data::Pixels::kUnscaled);
  return opened;
}

namespace {

onnx_io::ReadOptions read_options(const Globals& g) {
  onnx_io::ReadOptions options;
  if (g.follow_links) options.links = InputFile::Links::kFollow;
  return options;
}

}  // namespace

onnx_io::ReadResult read_model(const std::string& path, const Globals& g) {
  return onnx_io::read_model(path, read_options(g));
}

onnx_io::ReadResult read_runnable(const std::string& path, const Globals& g) {
  return flow::read_checked(path, read_options(g));
}

uint64_t parse_bytes(const char* flag, const std::string& text) {
  double value = 0;
  uint64_t unit = 1;
  std::string digits = text;
  if (!digits.empty()) {
    const size_t at =
        std::string("KMGT").find(static_cast<char>(std::toupper(static_cast<unsigned char>(digits.back()))));
    if (at != std::string::npos) {
      unit = 1ull << (10 * (at + 1));
      digits.pop_back();
    }
  }
  check(parse_double(digits, value) && value > 0, ErrorCode::kUsage,
        "{} '{}': expected a size such as 4G or 512M", flag, printable(text));
  return static_cast<uint64_t>(value * static_cast<double>(unit));
}

std::shared_ptr<ProgressPrinter> make_progress(const Globals& g) {
  ProgressMode mode = ProgressMode::kAuto;
  for (const auto& [name, m] : kProgressModes)
    if (g.progress == name) mode = m;
  if (g.quiet) mode = ProgressMode::kNone;
  return std::make_shared<ProgressPrinter>(mode);
}

flow::Progress progress_of(std::shared_ptr<ProgressPrinter> printer) {
  return [printer](const std::string& phase, int64_t done, int64_t total) {
    printer->update(phase, done, total);
  };
}

report::RunFacts facts_of(const std::string& model, int threads) {
  return {model, threads > 0 ? threads : num_threads(), flow::process_seconds(), flow::peak_rss_bytes(), {}};
}

void emit(const Globals& g, const std::string& text, const std::string& json) {
  const bool document = g.json == "-";
  if (!g.json.empty() && !document) write_file(g.json, json, Overwrite::kReplace);
  if (g.quiet && !document) return;
  const std::string& out = document ? json : text;
  std::fwrite(out.data(), 1, out.size(), stdout);
}

void warn(const Globals& g, const std::vector<std::string>& warnings) {
  if (g.quiet) return;
  for (const std::string& w : warnings) fmt::print(stderr, "warning: {}\n", w);
}

}  // namespace precis::cli
