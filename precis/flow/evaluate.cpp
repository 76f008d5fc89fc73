// One model over a data set: per sample its outputs meet its label or targets; everything is counted in sample order.
#include "precis/flow/evaluate.h"

#include <sys/wait.h>

#include <cmath>
#include <cstdio>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/text.h"
#include "precis/data/metrics.h"
#include "precis/flow/run_model.h"
#include "precis/flow/sample_loop.h"
#include "precis/flow/scratch_folder.h"

namespace precis::flow {
namespace {

class Judge {
 public:
  void add(const data::Sample& s, const std::vector<Tensor>& outputs) {
    ++result_.samples;
    const data::ScoreRows rows = data::score_rows(outputs[0]);
    const bool classes = rows.rows == 1 && rows.classes > 1;
    const int64_t top = classes ? data::top_class(rows.values) : -1;
    result_.predictions.push_back(static_cast<int32_t>(top));
    if (s.label >= 0) {
      const int64_t label = s.label;
      accuracy_.add(outputs[0], std::span(&label, 1), s.origin);
      result_.correct.push_back(top == s.label);
    }
    for (size_t i = 0; i < s.targets.size() && i < outputs.size(); ++i) {
      check(s.targets[i].shape() == outputs[i].shape(), ErrorCode::kUsage, "{}: target {} has shape {}, the model's output has {}; do targets and model belong together?",
            s.origin, i, s.targets[i].shape().str(), outputs[i].shape().str());
      errors_.add(s.targets[i], outputs[i]);
    }
  }

  EvalResult finish() {
    result_.labelled = accuracy_.samples;
    if (accuracy_.samples > 0) {
      result_.top1 = accuracy_.top1_rate();
      result_.top5 = accuracy_.top5_rate();
      result_.top1_count = accuracy_.top1;
      result_.top5_count = accuracy_.top5;
      const data::Interval w = data::wilson_interval(accuracy_.top1, accuracy_.samples);
      result_.top1_interval = {w.low, w.high};
    }
    if (errors_.samples > 0) result_.rmse = errors_.rmse();
    return std::move(result_);
  }

 private:
  EvalResult result_;
  data::Accuracy accuracy_;
  data::OutputError errors_;
};

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
  check(source.size() > 0, ErrorCode::kUsage, "the data has no samples ({})", source.describe());
  check(!graph.outputs().empty(), ErrorCode::kUsage, "the model has no outputs to judge");
  Judge judge;
  SampleLoop loop({&graph}, options.engine);
  loop.run(source, "evaluate", options.progress,
           [&](int64_t, const data::Sample& s, const std::vector<std::vector<Tensor>>& r) { judge.add(s, r[0]); });
  EvalResult result = judge.finish();
  if (options.metric_command.empty()) return result;
  const ScratchFolder folder;
  RunModelOptions run;
  run.engine = options.engine;
  run_model(graph, source, folder.path(), run);
  result.command = run_metric_command(options.metric_command, folder.path());
  return result;
}

Interval paired_interval(const std::vector<char>& before, const std::vector<char>& after) {
  data::PairedAccuracy p;
  for (size_t i = 0; i < before.size() && i < after.size(); ++i) p.add(before[i] != 0, after[i] != 0);
  const data::Interval w = p.interval();
  return {w.low, w.high};
}

}  // namespace precis::flow
