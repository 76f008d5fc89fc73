// Verdicts are made where the models ran, on the worker's thread, and are small: outputs are never kept.
#include "precis/flow/judge.h"

#include <algorithm>

#include "precis/calib/sample_loop.h"
#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/data/metrics.h"
#include "precis/flow/layer_probe.h"

namespace precis::flow {
namespace {

// What one model's outputs are worth on one sample.
struct Verdict {
  data::Accuracy accuracy;
  data::Likelihood likelihood;
  data::BinaryScores binary;
  data::OutputError target_error;
  int64_t top = -1;
  std::vector<char> correct;  // per label
};

Verdict verdict_of(const data::Sample& s, const std::vector<Tensor>& outputs) {
  Verdict v;
  const data::ScoreRows rows = data::score_rows(outputs[0]);
  if (rows.rows == 1 && rows.classes > 1) v.top = data::top_class(rows.values);
  const std::span<const int64_t> labels = s.labels.empty() ? std::span(&s.label, 1) : std::span(s.labels);
  if (!std::any_of(labels.begin(), labels.end(), [](int64_t label) { return label >= 0; })) {
    // nothing to compare with
  } else if (rows.classes == 1) {
    v.binary.add(rows.values, labels, s.origin);
    for (const auto& [score, positive] : v.binary.scores) v.correct.push_back((score >= 0.5) == positive);
  } else {
    v.accuracy.add(outputs[0], labels, s.origin);
    if (s.sequence) v.likelihood.add(outputs[0], labels, s.origin);
    const auto classes = static_cast<size_t>(rows.classes);
    for (size_t i = 0; i < labels.size(); ++i)
      if (labels[i] >= 0)
        v.correct.push_back(data::top_class(std::span(rows.values).subspan(i * classes, classes)) ==
                            labels[i]);
  }
  for (size_t i = 0; i < s.targets.size() && i < outputs.size(); ++i) {
    check(s.targets[i].shape() == outputs[i].shape(), ErrorCode::kUsage,
          "{}: target {} has shape {}, the model's output has {}; do targets and model belong together?",
          s.origin, i, s.targets[i].shape().str(), outputs[i].shape().str());
    v.target_error.add(s.targets[i], outputs[i]);
  }
  return v;
}

class Totals {
 public:
  void add(const Verdict& v) {
    ++result_.samples;
    result_.predictions.push_back(static_cast<int32_t>(v.top));
    result_.correct.insert(result_.correct.end(), v.correct.begin(), v.correct.end());
    accuracy_.merge(v.accuracy);
    likelihood_.merge(v.likelihood);
    binary_.merge(v.binary);
    target_error_.merge(v.target_error);
  }

  EvalResult finish() {
    const auto binary = static_cast<int64_t>(binary_.scores.size());
    result_.labelled = accuracy_.samples + binary;
    if (accuracy_.samples > 0) {
      set_top1(accuracy_.top1);
      result_.top5 = accuracy_.top5_rate();
      result_.top5_count = accuracy_.top5;
    } else if (binary > 0) {
      set_top1(std::count(result_.correct.begin(), result_.correct.end(), char{1}));
      result_.auc = binary_.auc();
    }
    if (likelihood_.labels > 0) result_.nats = likelihood_.nats_per_label();
    if (target_error_.samples > 0) result_.rmse = target_error_.rmse();
    return std::move(result_);
  }

 private:
  void set_top1(int64_t right) {
    result_.top1_count = right;
    result_.top1 = static_cast<double>(right) / static_cast<double>(result_.labelled);
    const data::Interval w = data::wilson_interval(right, result_.labelled);
    result_.top1_interval = {w.low, w.high};
  }

  EvalResult result_;
  data::Accuracy accuracy_;
  data::Likelihood likelihood_;
  data::BinaryScores binary_;
  data::OutputError target_error_;
};

// Index in `candidate` of the output that stands for output i of `reference`: by name, then by position.
size_t matching_output(const Graph& reference, const Graph& candidate, size_t i) {
  const std::string& name = reference.value(reference.outputs()[i]).name;
  for (size_t k = 0; k < candidate.outputs().size(); ++k)
    if (candidate.value(candidate.outputs()[k]).name == name) return k;
  return i;
}

// Unknown ranks and dimensions agree with everything.
bool shapes_agree(const SymbolicShape& a, const SymbolicShape& b) {
  if (!a || !b) return true;
  if (a->size() != b->size()) return false;
  for (size_t i = 0; i < a->size(); ++i)
    if ((*a)[i].known() && (*b)[i].known() && (*a)[i].value != (*b)[i].value) return false;
  return true;
}

void check_same_interface(const Graph& a, const Graph& b) {
  check(a.inputs().size() == b.inputs().size() && a.outputs().size() == b.outputs().size(), ErrorCode::kUsage,
        "the models do not have the same interface: {} inputs and {} outputs against {} and {}",
        a.inputs().size(), a.outputs().size(), b.inputs().size(), b.outputs().size());
  for (size_t i = 0; i < a.inputs().size(); ++i) {
    const Value &x = a.value(a.inputs()[i]), &y = b.value(b.inputs()[i]);
    check(x.type.storage_dtype() == y.type.storage_dtype() && shapes_agree(x.type.shape, y.type.shape),
          ErrorCode::kUsage,
          "the models do not have the same interface: input {} is '{}' {}{} in the one and '{}' {}{} in the "
          "other",
          i, printable(x.name), dtype_name(x.type.storage_dtype()), shape_str(x.type.shape),
          printable(y.name), dtype_name(y.type.storage_dtype()), shape_str(y.type.shape));
  }
}

class JudgePass {
 public:
  JudgePass(const std::vector<const Graph*>& models, const data::DataSource& source,
            const JudgeOptions& options)
      : models_(models), source_(source), options_(options), size_(source.size()), totals_(models.size()) {
    check(size_ > 0, ErrorCode::kUsage, "the data has no samples ({})", source.describe());
    for (const Graph* g : models)
      check(!g->outputs().empty(), ErrorCode::kUsage, "the model has no outputs to judge");
    for (const Graph* g : models) feeds_.emplace_back(*g, options.feed);
    if (options.compared == 0) return;
    check_same_interface(*models[0], *models[1]);
    errors_.resize(models[0]->outputs().size());
    for (size_t i = 0; i < errors_.size(); ++i)
      matches_.push_back(matching_output(*models[0], *models[1], i));
    if (options.layer_rows != 0) probe_.emplace(*models[0], *models[1]);
    if (probe_) layers_.resize(probe_->names().size());
  }

  Judgement run() {
    calib::SampleLoop loop(programs());
    loop.run<Findings>(
        source_,
        [&](calib::SampleLoop::Worker& worker, int64_t i, const data::Sample& s, Findings& f) {
          examine(worker, i, s, f);
        },
        [&](int64_t i, Findings& f) { join(i, f); });
    return finish();
  }

 private:
  struct Findings {
    std::vector<Verdict> verdicts;
    std::vector<data::OutputError> errors;
    std::vector<LayerStats> layers;
  };

  // The models as they run for everybody, then (when layers are compared) both with taps.
  std::vector<std::shared_ptr<const runtime::Program>> programs() const {
    std::vector<std::shared_ptr<const runtime::Program>> programs;
    runtime::ProgramOptions options;
    options.engine = options_.engine;
    for (const Graph* g : models_) programs.push_back(runtime::Program::compile(*g, options));
    if (!probe_) return programs;
    options.taps = probe_->names();
    for (const Graph* g : models_) programs.push_back(runtime::Program::compile(*g, options));
    return programs;
  }

  void examine(calib::SampleLoop::Worker& worker, int64_t index, const data::Sample& s, Findings& f) const {
    const bool compared = options_.compared != 0 && is_spread_row(index, options_.compared, size_);
    const bool probed = probe_ && is_spread_row(index, options_.layer_rows, size_);
    std::vector<std::vector<Tensor>> outputs(models_.size());
    if (options_.accuracy || (compared && !probed))
      for (size_t m = 0; m < models_.size(); ++m) outputs[m] = feeds_[m].run(worker.sessions[m], s);
    if (options_.accuracy)
      for (const auto& of_model : outputs) f.verdicts.push_back(verdict_of(s, of_model));
    if (probed) f.layers = probe_->sample(worker.sessions[2], worker.sessions[3], s.inputs, outputs);
    if (!compared) return;
    f.errors.resize(errors_.size());
    for (size_t i = 0; i < errors_.size(); ++i) f.errors[i].add(outputs[0][i], outputs[1][matches_[i]]);
  }

  void join(int64_t index, const Findings& f) {
    for (size_t m = 0; m < f.verdicts.size(); ++m) totals_[m].add(f.verdicts[m]);
    for (size_t i = 0; i < f.errors.size(); ++i) errors_[i].merge(f.errors[i]);
    compared_ += f.errors.empty() ? 0 : 1;
    for (size_t i = 0; i < f.layers.size(); ++i) layers_[i].merge(f.layers[i]);
    layer_samples_ += f.layers.empty() ? 0 : 1;
    if (options_.progress) options_.progress(options_.phase, index + 1, size_);
  }

  Judgement finish() {
    Judgement j;
    if (options_.accuracy)
      for (Totals& t : totals_) j.models.push_back(t.finish());
    if (options_.compared == 0) return j;
    CompareResult& c = j.comparison.emplace();
    c.samples = compared_;
    for (size_t i = 0; i < errors_.size(); ++i) {
      const data::OutputError& e = errors_[i];
      c.outputs.push_back({models_[0]->value(models_[0]->outputs()[i]).name, e.sqnr_db(), e.cosine(),
                           e.max_abs, e.divergence()});
    }
    if (errors_[0].rows > 0) c.top1_agreement = errors_[0].agreement();
    if (!probe_) return j;
    c.layers = probe_->finish(layers_);
    c.layer_samples = layer_samples_;
    return j;
  }

  const std::vector<const Graph*>& models_;
  const data::DataSource& source_;
  const JudgeOptions& options_;
  const int64_t size_;
  std::vector<Totals> totals_;
  std::vector<Feed> feeds_;  // one a model
  std::vector<size_t> matches_;
  std::vector<data::OutputError> errors_;
  std::optional<LayerProbe> probe_;
  std::vector<LayerStats> layers_;
  int64_t compared_ = 0, layer_samples_ = 0;
};

}  // namespace

Judgement judge(const std::vector<const Graph*>& models, const data::DataSource& source,
                const JudgeOptions& options) {
  return JudgePass(models, source, options).run();
}

bool is_spread_row(int64_t index, int64_t count, int64_t size) {
  if (count < 0 || size <= count) return true;
  const int64_t k = (index * count + size - 1) / size;  // the first k with k * size / count >= index
  return k < count && k * size / count == index;
}

}  // namespace precis::flow
