// One model over a data set, and the metric that a user's own command makes of its outputs.
#include "precis/flow/evaluate.h"

#include <sys/wait.h>

#include <cmath>
#include <cstdio>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/text.h"
#include "precis/flow/judge.h"
#include "precis/flow/run_model.h"
#include "precis/flow/scratch_folder.h"

namespace precis::flow {
namespace {

// Runs the user's command on a folder of outputs; the last number of its standard output's last line is the metric.
double run_metric_command(const std::string& command, const std::string& folder) {
  const std::string line = command + " '" + folder + "'";
  FILE* pipe = popen(line.c_str(), "r");
  check(pipe != nullptr, ErrorCode::kIo, "--metric-cmd: the command could not be started");
  std::string text;
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof(buffer), pipe)) > 0 && text.size() < (1u << 20);) text.append(buffer, n);
  const int status = pclose(pipe);
  check(WIFEXITED(status) && WEXITSTATUS(status) == 0, ErrorCode::kUsage, "--metric-cmd '{}' ended with status {}", printable(command),
        WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  const std::vector<std::string> words = split(std::string(trim(text)), '\n');
  double value = 0;
  const std::string last = words.empty() ? "" : split(words.back(), ' ').back();
  check(parse_double(trim(last), value) && std::isfinite(value), ErrorCode::kUsage,
        "--metric-cmd '{}' printed '{}', expected a number as the last word of its last line", printable(command), printable(last));
  return value;
}

}  // namespace

std::vector<data::InputSpec> input_specs(const Graph& graph) {
  std::vector<data::InputSpec> specs;
  for (ValueId v : graph.inputs()) {
    data::InputSpec s;
    s.name = graph.value(v).name;
    s.dtype = graph.value(v).type.storage_dtype();
    if (graph.value(v).type.shape)
      for (const Dim& d : *graph.value(v).type.shape) s.dims.push_back(d.value);
    specs.push_back(std::move(s));
  }
  return specs;
}

EvalResult evaluate(const Graph& graph, const data::DataSource& source, const EvalOptions& options) {
  JudgeOptions judging;
  judging.engine = options.engine;
  judging.feed = options.feed;
  judging.phase = "evaluate";
  judging.progress = options.progress;
  judging.accuracy = true;
  EvalResult result = std::move(judge({&graph}, source, judging).models[0]);
  if (options.metric_command.empty()) return result;
  const ScratchFolder folder;
  RunModelOptions run;
  run.engine = options.engine;
  run.feed = options.feed;
  run_model(graph, source, folder.path(), run);
  result.command = run_metric_command(options.metric_command, folder.path());
  return result;
}

}  // namespace precis::flow
