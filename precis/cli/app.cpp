// Parsing the command line, suggestions for wrong flags, limits, signals, and the mapping from Error to exit
// code.
#include "precis/cli/app.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include "precis/cli/command.h"
#include "precis/cli/help_format.h"
#include "precis/cli/help_topics.h"
#include "precis/cli/signals.h"
#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/limits.h"
#include "precis/core/parallel.h"
#include "precis/core/text.h"
#include "precis/core/version.h"
#include "precis/flow/measure.h"

namespace precis::cli {
namespace {

constexpr const char* kExamples =
    "  precis quantize net.onnx --calib photos/ --data test/ -o net.int8.onnx\n"
    "  precis eval net.int8.onnx --data test/\n"
    "  precis compare net.onnx net.int8.onnx --data test/ --layers\n"
    "  precis bench net.onnx --compare net.int8.onnx\n";
constexpr const char* kDescription =
    "Precis makes trained neural networks small and fast: an ONNX model, real data and a budget in, a\n"
    "compressed model with the proof (size, accuracy, speed, measured before and after) out.";

// A wrong flag or subcommand gets its nearest match; CLI11 would only say that it was not expected.
void check_words(const CLI::App& app, int argc, char** argv) {
  const CLI::App* command = &app;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") return;
    if (command == &app && word.rfind('-', 0) != 0) {
      std::vector<std::string> names;
      for (const CLI::App* c : app.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(c->get_name());
        if (c->get_name() == word) command = c;
      }
      if (command != &app) continue;
      const std::string near = nearest(word, names);
      fail(ErrorCode::kUsage, "there is no command '{}'{}; `precis --help` lists them", printable(word),
           near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near));
    }
    if (word.rfind("--", 0) != 0) continue;
    const std::string flag = word.substr(0, word.find('='));
    if (command->get_option_no_throw(flag) != nullptr) continue;
    std::vector<std::string> names;
    for (const CLI::Option* o : command->get_options())
      for (const std::string& n : o->get_lnames()) names.push_back("--" + n);
    const std::string near = nearest(flag, names);
    fail(ErrorCode::kUsage, "{} has no flag '{}'{}; `precis {}--help` lists them",
         command == &app ? "precis" : "precis " + command->get_name(), printable(flag),
         near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near),
         command == &app ? "" : command->get_name() + " ");
  }
}

// Known before hours of work: where the document goes, and that it takes no other file's place.
void check_json_file(const std::string& path) {
  const std::string folder = parent_folder(path);
  check(path_kind(folder) == PathKind::kDirectory, ErrorCode::kIo,
        "the folder {} of --json does not exist; make it first", printable(folder));
  if (path_kind(path) != PathKind::kFile) return;
  const InputFile file = InputFile::open(path);
  std::byte first{};
  if (file.size() > 0) file.read_exact(0, {&first, 1});
  check(file.size() == 0 || first == std::byte{'{'}, ErrorCode::kUsage,
        "--json={}: the file exists and is no JSON document; give another name", printable(path));
}

void apply_globals(const Globals& g) {
  if (!g.json.empty() && g.json != "-") check_json_file(g.json);
  set_num_threads(g.threads);
  if (g.max_memory.empty()) return;
  Limits l = limits();
  l.max_memory = parse_bytes("--max-memory", g.max_memory);
  set_limits(l);
}

int report_error(const Globals& g, ErrorCode code, const std::string& message) {
  end_if_signalled();
  fmt::print(stderr, "precis: {}: {}\n", error_code_name(code), message);
  if (code == ErrorCode::kInternal)
    fmt::print(stderr, "This is a bug in Precis. Please report the command and, if you can, the model.\n");
  if (g.json == "-") {
    const std::string document = report::error_json(code, message);
    std::fwrite(document.data(), 1, document.size(), stdout);
  }
  return static_cast<int>(code);
}

// What was printed must have arrived: a full disk behind a redirection is an error like any other.
int finish(int code) {
  check(std::fflush(stdout) == 0 && std::ferror(stdout) == 0, ErrorCode::kIo,
        "standard output could not be written");
  return code;
}

int print_and_finish(const Globals& g, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  try {
    return finish(0);
  } catch (const Error& e) {
    return report_error(g, e.code(), e.what());
  }
}

// CLI11's sentence, with the command that it is about and where to read on.
std::string parse_message(const CLI::App& app, const CLI::ParseError& e) {
  std::string what = e.what();
  if (!what.empty() && what.back() == '\n') what.pop_back();
  const std::vector<CLI::App*> chosen = const_cast<CLI::App&>(app).get_subcommands();
  const std::string command = chosen.empty() ? "precis" : "precis " + chosen[0]->get_name();
  return fmt::format("{}: {}; `{} --help` begins with examples", command, printable(what), command);
}

int parse_and_run(CLI::App& app, Globals& globals, Action& action, int argc, char** argv) {
  try {
    for (int i = 1; i < argc; ++i)
      if (std::string_view(argv[i]) == "--json") globals.json = "-";  // so that usage errors come as JSON too
    check_words(app, argc, argv);
    app.parse(argc, argv);
    apply_globals(globals);
    return finish(action());
  } catch (const CLI::CallForHelp&) {
    const std::vector<CLI::App*> chosen = app.get_subcommands();
    return print_and_finish(globals, help_text(chosen.empty() ? app : *chosen[0]));
  } catch (const CLI::CallForVersion& e) {
    return print_and_finish(globals, std::string(e.what()) + "\n");
  } catch (const CLI::ParseError& e) {
    return report_error(globals, ErrorCode::kUsage, parse_message(app, e));
  } catch (const Error& e) {
    return report_error(globals, e.code(), e.what());
  } catch (const std::bad_alloc&) {
    return report_error(globals, ErrorCode::kLimit,
                        "out of memory; use fewer threads, a smaller batch, or a machine with more");
  } catch (const std::exception& e) {
    return report_error(globals, ErrorCode::kInternal, e.what());
  }
}

}  // namespace

int run_app(int argc, char** argv) {
  flow::process_seconds();  // the clock of "seconds" starts here
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a file-size limit becomes an error of write(), not the end of the process
  watch_signals();
  CLI::App app(kDescription, "precis");
  app.set_version_flag("--version", std::string("precis ") + kVersion, "print the version");
  app.footer(kExamples);
  app.set_help_flag("-h,--help", "print this help");
  app.formatter(std::make_shared<HelpFormatter>());
  app.require_subcommand(0, 1);
  Globals globals;
  Action action = [&app] {
    const std::string help = help_text(app);
    std::fwrite(help.data(), 1, help.size(), stdout);
    return 0;
  };
  for (Registrar add : {add_quantize, add_simplify, add_eval, add_compare, add_bench, add_inspect, add_check,
                        add_run, add_doctor})
    add(app, globals, action);
  add_help_topics(app, action);
  return parse_and_run(app, globals, action, argc, argv);
}

}  // namespace precis::cli
