// precis check: every problem of a model in one go.
#include <algorithm>

#include "precis/cli/command.h"
#include "precis/graph/validate.h"

namespace precis::cli {
namespace {

// A file whose form is broken has one problem, the first one: what lies behind it cannot be told.
std::vector<Problem> problems_of(const std::string& path, const Globals& g) {
  try {
    return find_problems(read_model(path, g).model);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kMalformed && e.code() != ErrorCode::kUnsupported) throw;
    return {{Problem::Level::kError, e.code(), "file", e.what()}};
  }
}

int check_model(const Globals& g, const std::string& path) {
  const std::vector<Problem> problems = problems_of(path, g);
  const report::RunFacts facts = facts_of(path, g.threads);
  emit(g, report::check_text(problems, facts), report::check_json(problems, facts));
  const auto worst = std::find_if(problems.begin(), problems.end(), [](const Problem& p) {
    return p.level == Problem::Level::kError && p.code != ErrorCode::kUnsupported;
  });
  if (worst != problems.end()) return static_cast<int>(worst->code);
  const bool unsupported = std::any_of(problems.begin(), problems.end(),
                                       [](const Problem& p) { return p.level == Problem::Level::kError; });
  return unsupported ? static_cast<int>(ErrorCode::kUnsupported) : 0;
}

}  // namespace

void add_check(CLI::App& app, Globals& g, Action& action) {
  CLI::App* c = add_command(app, g, "check",
                            "Lints a model: lists every problem in one go. Exit code 3 = malformed, 4 = uses "
                            "what is not supported.",
                            "  precis check net.onnx\n  precis check net.onnx --json\n");
  auto model = std::make_shared<std::string>();
  c->add_option("model", *model, "ONNX model")->required();
  c->callback([&g, &action, model] { action = [&g, model] { return check_model(g, *model); }; });
}

}  // namespace precis::cli
