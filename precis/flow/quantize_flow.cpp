// The order of things: refuse early, open the data, run the recipe, write to a temporary file, read that back and judge it, and
// only then give it its name.
#include "precis/flow/quantize_flow.h"

#include <algorithm>

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/data/input_statistics.h"
#include "precis/flow/file_places.h"
#include "precis/flow/judge.h"
#include "precis/flow/model_files.h"
#include "precis/flow/never_slower.h"
#include "precis/flow/provenance.h"
#include "precis/graph/op.h"
#include "precis/graph/validate.h"
#include "precis/passes/pass.h"

namespace precis::flow {
namespace {

using Outcome = QuantizeResult::Outcome;

constexpr int64_t kCompareSamples = 64;             // whose outputs are compared; accuracy is judged on all rows
constexpr int64_t kCalibrationCompareSamples = 16;  // on the calibration rows, where the figures are no independent proof anyway
constexpr int64_t kFewSamples = 64;      // fewer calibration samples than this are worth a warning

constexpr double kBrokenDb = 6, kBrokenAgreement = 0.5;  // worse than this is no rounding error any more

// Thrown by the verification to leave the temporary file unpublished; never leaves this file.
struct NotKept {};

class QuantizeFlow {
 public:
  explicit QuantizeFlow(const QuantizeRequest& q) : q_(q) { result_.recipe = q.recipe; }

  QuantizeResult run() {
    check_recipe(q_.recipe);
    read();
    if (passes::is_quantized(run_.original.graph)) return already_quantized();
    check_output_path();
    open_data();
    run_recipe(result_.recipe, run_);
    describe_data();
    if (q_.never_slower) leave_slower_layers_float(q_, run_, result_);
    result_.report = run_.report;
    append(result_.warnings, run_.notes);
    save_ranges();
    add_provenance();
    result_.after.bytes = onnx_io::serialized_size(run_.model, run_.write);
    if (q_.dry_run) result_.outcome = Outcome::kDryRun;
    else if (result_.after.bytes >= result_.before.bytes) refuse_larger();
    else write();
    finish();
    return std::move(result_);
  }

 private:
  static void append(std::vector<std::string>& to, const std::vector<std::string>& from) { to.insert(to.end(), from.begin(), from.end()); }

  void read() {
    onnx_io::ReadOptions options;
    options.links = q_.links;
    onnx_io::ReadResult r = read_checked(q_.input, options);
    result_.before.bytes = r.bytes;
    input_sha256_ = r.sha256;
    external_files_ = r.external_files;
    append(result_.warnings, r.warnings);
    run_.original = std::move(r.model);
    run_.model = run_.original;
    run_.progress = q_.progress;
    run_.keeps_ranges = !q_.save_ranges.empty();
  }

  QuantizeResult already_quantized() {
    result_.outcome = Outcome::kAlreadyQuantized;
    result_.message = fmt::format("{} is quantized already; nothing was written. `precis inspect {}` shows how.", printable(q_.input), printable(q_.input));
    finish();
    return std::move(result_);
  }

  void check_output_path() const {
    check(!same_file(q_.input, q_.save_ranges), ErrorCode::kUsage, "--save-ranges {} is the input file; give another name", printable(q_.save_ranges));
    if (!q_.dry_run) check_output(q_.output, q_.input, {q_.calib ? q_.calib->path : "", q_.data ? q_.data->path : "", q_.ranges}, q_.overwrite);
    std::vector<std::string> read = q_.also_read, written = q_.also_written;
    read.insert(read.end(), {q_.input, q_.ranges, q_.preprocess});
    for (const auto& spec : {q_.calib, q_.data})
      if (spec) read.insert(read.end(), {spec->path, spec->labels, spec->targets});
    for (const std::string& name : external_files_) read.push_back(parent_folder(q_.input) + "/" + name);
    if (!q_.dry_run) written.push_back(q_.output);
    written.push_back(q_.save_ranges);
    check_places(read, written);
  }

  void open_data() {
    const std::vector<data::InputSpec> inputs = input_specs(run_.original.graph);
    preprocess_ = find_preprocess(q_.preprocess, q_.input, run_.original);
    std::optional<data::DataSpec> calib = q_.calib, judged = q_.data;
    if (calib) calib->preprocess = preprocess_;
    if (judged) judged->preprocess = preprocess_;
    if (!q_.ranges.empty()) {
      run_.ranges = quant::RangeTable::load(q_.ranges);
      calib.reset();
    }
    if (calib && judged) {
      const data::Split split = data::open_calib_and_data(*calib, *judged, inputs);
      run_.calib = split.calib;
      data_ = split.data;
      if (split.split_by_itself) result_.data_lines.push_back("calibration and judging data are one set: each took its own rows");
      if (split.overlap > 0)
        result_.warnings.push_back(fmt::format("{} samples of --data are also in --calib: their accuracy is not independent", split.overlap));
    } else if (calib) {
      run_.calib = data::open_source(*calib, inputs);
    } else if (judged) {
      data_ = data::open_source(*judged, inputs);
    }
  }

  void describe_data() {
    if (run_.calib) {
      result_.calib_samples = run_.calib->size();
      result_.data_lines.push_back(fmt::format("calibrate on: {}", run_.calib->describe()));
      // A recipe without a calibration stage has not looked at the data yet.
      if (run_.fed.empty()) run_.fed = data::input_statistics(*run_.calib, input_specs(run_.original.graph));
      for (const data::InputStatistics& s : run_.fed) result_.data_lines.push_back("  " + data::statistics_text(s));
      append(result_.warnings, data::range_warnings(run_.fed, preprocess_ ? data::Pixels::kAsChosen : data::Pixels::kUnscaled));
      if (run_.calib->size() < kFewSamples && run_.calib->size() > 0)
        result_.warnings.push_back(fmt::format("only {} calibration samples; 100 or more give steadier ranges", run_.calib->size()));
    }
    if (data_) result_.data_lines.push_back(fmt::format("judge on:     {}", data_->describe()));
    if (preprocess_ && (run_.calib || data_)) result_.data_lines.push_back("preprocess:   " + data::preprocess_summary(*preprocess_));
  }

  void save_ranges() const {
    if (q_.save_ranges.empty()) return;
    run_.ranges.save(q_.save_ranges, q_.overwrite);
  }

  void add_provenance() {
    auto& m = run_.model.metadata;
    std::erase_if(m, [](const auto& entry) { return entry.first.rfind("precis.", 0) == 0; });
    mark_provenance(run_.model, result_.recipe, input_sha256_);
    m.emplace_back("precis.calibration_hash", run_.ranges.data_hash);
    remember_preprocess(run_.model, preprocess_);
  }

  void refuse_larger() {
    result_.outcome = Outcome::kLarger;
    result_.message = fmt::format("The int8 model would take {} bytes, the float model takes {}: nothing was written. Quantization adds scales and nodes for each tensor; "
                                  "this model has too few weights to pay for them.", result_.after.bytes, result_.before.bytes);
  }

  void write() {
    try {
      onnx_io::write_model(run_.model, q_.output, run_.write, q_.overwrite, [&](const std::string& temp) { verify(temp); });
      result_.output_sha256 = sha256_of_file(q_.output);
    } catch (const NotKept&) {
      result_.outcome = Outcome::kBudgetMissed;
    }
  }

  // Everything below judges the bytes on disk, through the path any user's run takes.
  void verify(const std::string& temp) {
    if (!q_.verify) return;
    const onnx_io::ReadResult back = read_back(temp);
    judge_written(back.model.graph);
    if (q_.measure_speed) measure(back.model.graph);
    apply_budget();
  }

  void judge_written(const Graph& after) {
    const auto source = data_ ? data_ : run_.calib;
    if (!source || source->size() == 0) {
      result_.warnings.push_back("no data was given: the output was read back and validated, but not compared");
      return;
    }
    result_.compared_on_calibration = !data_;
    JudgeOptions options;
    options.progress = q_.progress;
    options.accuracy = data_ && data_->labelled();
    options.compared = data_ ? kCompareSamples : kCalibrationCompareSamples;
    if (q_.max_drop && !options.accuracy) options.compared = source->size();  // the budget is on agreement: every row counts
    options.layer_rows = kLayerSamples;
    // Without labels there is nothing to count: only the compared rows are run.
    Judgement j = judge({&run_.original.graph, &after}, options.accuracy ? *source : *spread(source, options.compared), options);
    result_.comparison = std::move(j.comparison);
    result_.worst_layers = std::move(result_.comparison->layers);
    if (result_.worst_layers.size() > 5) result_.worst_layers.resize(5);
    result_.comparison->layers.clear();
    doubt_the_result();
    if (!options.accuracy) return;
    result_.before.eval = std::move(j.models[0]);
    result_.after.eval = std::move(j.models[1]);
    if (!result_.before.eval->correct.empty())
      result_.drop_interval = paired_interval(result_.before.eval->correct, result_.after.eval->correct);
  }

  // No budget was asked for, but nobody wants a model that does something else.
  void doubt_the_result() {
    const auto& agreement = result_.comparison->top1_agreement;
    for (const OutputComparison& o : result_.comparison->outputs) {
      if (o.sqnr_db >= kBrokenDb && (!agreement || *agreement >= kBrokenAgreement)) continue;
      result_.warnings.push_back(fmt::format(
          "the int8 model does not do what the float model does (output '{}': SQNR {:.1f} dB{}): leave the worst layers in float with --set NODE.quantize=false, or try "
          "another --observer",
          printable(o.name), o.sqnr_db, agreement ? fmt::format(", same top-1 on {:.1f} %", *agreement * 100) : ""));
      return;
    }
  }

  // At most `count` rows, evenly spread.
  static std::shared_ptr<const data::DataSource> spread(std::shared_ptr<const data::DataSource> source, int64_t count) {
    const int64_t size = source->size();
    if (size <= count) return source;
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < count; ++i) rows.push_back(i * size / count);
    return data::select_rows(std::move(source), std::move(rows));
  }

  void measure(const Graph& after) {
    if (q_.progress) q_.progress("measure speed", 0, 0);
    MeasureOptions options;
    options.threads = q_.bench_threads;
    options.input_shapes = sample_shapes(data_ ? data_.get() : run_.calib.get());
    result_.speed = measure_pair(run_.original.graph, after, options);
    result_.before.latency = result_.speed->first;
    result_.after.latency = result_.speed->second;
  }

  // Loss of top-1, or without labels the share of samples whose top-1 changed.
  std::optional<double> drop() const {
    if (result_.before.eval && result_.before.eval->top1 && result_.after.eval->top1) return *result_.before.eval->top1 - *result_.after.eval->top1;
    if (result_.comparison && result_.comparison->top1_agreement) return 1 - *result_.comparison->top1_agreement;
    return std::nullopt;
  }

  void apply_budget() {
    if (!q_.max_drop) return;
    const auto lost = drop();
    check(lost.has_value(), ErrorCode::kUsage, "--max-drop needs data to judge by: give labelled --data PATH");
    if (result_.drop_interval && (result_.drop_interval->high - result_.drop_interval->low) / 2 > *q_.max_drop)
      result_.warnings.push_back(fmt::format("the 95 % interval of the change is wider than the budget of {:.2f} %: more judging data would decide it better", *q_.max_drop * 100));
    if (*lost <= *q_.max_drop) return;
    result_.message = fmt::format("Budget missed: {} lost {:.2f} %, allowed {:.2f} %. {}", result_.before.eval ? "top-1" : "agreement of top-1", *lost * 100, *q_.max_drop * 100,
                                  q_.keep_best ? "The model was kept (--keep-best)." : "Nothing was kept; --keep-best keeps it, --set leaves layers in float, --observer changes the ranges.");
    result_.outcome = Outcome::kBudgetMissed;
    if (!q_.keep_best) throw NotKept{};
  }

  void finish() {
    result_.stage_seconds = run_.seconds;
    result_.seconds = process_seconds() - start_;
    result_.peak_rss = peak_rss_bytes();
  }

  const QuantizeRequest& q_;
  QuantizeResult result_;
  Run run_;
  std::shared_ptr<const data::DataSource> data_;
  std::optional<data::Preprocess> preprocess_;
  std::string input_sha256_;
  std::vector<std::string> external_files_;  // of the input, beside it
  double start_ = process_seconds();
};

}  // namespace

QuantizeResult quantize(const QuantizeRequest& request) { return QuantizeFlow(request).run(); }

}  // namespace precis::flow
