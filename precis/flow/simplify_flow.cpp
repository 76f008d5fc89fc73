// The order of things: refuse early, run the recipe, write to a temporary file, read that back and compare
// what it computes, and only then give it its name.
#include "precis/flow/simplify_flow.h"

#include <algorithm>

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/data/input_statistics.h"
#include "precis/flow/file_places.h"
#include "precis/flow/input_shapes.h"
#include "precis/flow/measure.h"
#include "precis/flow/model_files.h"
#include "precis/flow/provenance.h"
#include "precis/flow/run.h"
#include "precis/graph/macs.h"
#include "precis/graph/op.h"
#include "precis/graph/validate.h"
#include "precis/passes/pass.h"

namespace precis::flow {
namespace {

constexpr int64_t kRandomSamples = 4;  // of each length of the free dimensions

// MACs with shape code folded: an exporter's shape arithmetic hides the shapes behind it, and the figure
// would seem to grow with what the passes find out.
int64_t macs_of(const Model& model) {
  constexpr std::string_view kFolds[] = {"fold_shape_code", "fold_constants", "inline_constant_if"};
  Model folded = model;
  passes::run_passes(folded, kFolds);
  return count_macs(folded.graph).total;
}

class SimplifyFlow {
 public:
  explicit SimplifyFlow(const SimplifyRequest& q) : q_(q) { result_.recipe = q.recipe; }

  SimplifyResult run() {
    check_recipe(q_.recipe);
    read();
    check_places_of_files();
    run_recipe(q_.recipe, run_);
    result_.changes = run_.pass_changes;
    result_.notes = run_.notes;
    mark_provenance(run_.model, q_.recipe, input_sha256_);
    remember_preprocess(run_.model, find_preprocess(q_.preprocess, q_.input, run_.original));
    if (q_.dry_run)
      dry_run();
    else
      write();
    say_what_grew();
    result_.seconds = process_seconds() - start_;
    result_.peak_rss = peak_rss_bytes();
    return std::move(result_);
  }

 private:
  void read() {
    onnx_io::ReadOptions options;
    options.links = q_.links;
    onnx_io::ReadResult r = read_checked(q_.input, options);
    result_.warnings = r.warnings;
    result_.before = summary_of(r.model, r.bytes);
    input_sha256_ = r.sha256;
    external_files_ = r.external_files;
    run_.original = std::move(r.model);
    run_.model = run_.original;
    run_.progress = q_.progress;
  }

  static ModelSummary summary_of(const Model& model, uint64_t bytes) {
    ModelSummary s = summarize(model, bytes);
    s.macs = macs_of(model);
    return s;
  }

  void check_places_of_files() const {
    std::vector<std::string> read = {q_.input, q_.preprocess}, written = q_.also_written;
    if (q_.data) read.insert(read.end(), {q_.data->path, q_.data->labels, q_.data->targets});
    for (const std::string& name : external_files_) read.push_back(parent_folder(q_.input) + "/" + name);
    if (!q_.dry_run) {
      check_output(q_.output, q_.input, {q_.data ? q_.data->path : ""}, q_.overwrite);
      written.push_back(q_.output);
    }
    check_places(read, written);
  }

  void dry_run() {
    result_.outcome = SimplifyResult::Outcome::kDryRun;
    result_.after = summary_of(run_.model, onnx_io::serialized_size(run_.model, run_.write));
    result_.after.opset = 0;
  }

  void write() {
    const uint64_t bytes = onnx_io::write_model(run_.model, q_.output, run_.write, q_.overwrite,
                                                [&](const std::string& temp) { verify(temp); });
    result_.after.file_bytes = bytes;
    result_.output_sha256 = sha256_of_file(q_.output);
  }

  void verify(const std::string& temp) {
    const onnx_io::ReadResult back = read_back(temp);
    result_.after = summary_of(back.model, back.bytes);
    if (!q_.verify) {
      result_.warnings.push_back("the output was read back, but not compared (--no-verify)");
      return;
    }
    compare(run_.original.graph, back.model.graph);
    if (!result_.equality->values_compared)
      result_.warnings.push_back(
          "the model draws random numbers: of its outputs only types and shapes were compared");
  }

  void compare(const Graph& before, const Graph& after) {
    EqualityOptions options;
    options.engine = q_.engine;
    options.feed = q_.feed;
    options.progress = q_.progress;
    std::vector<data::SourcePtr> sources;
    if (q_.data) {
      sources = {open_data(before)};
      result_.data_lines.push_back("compared on: " + sources[0]->describe());
    } else {
      RandomSources random = random_sources(before, parse_shapes(q_.shapes, before), kRandomSamples, options);
      sources = std::move(random.sources);
      result_.data_lines.push_back(
          fmt::format("compared on: {}{}", sources[0]->describe(),
                      random.lengths.empty()
                          ? ""
                          : fmt::format("; free dimensions: {}", fmt::join(random.lengths, ", then "))));
    }
    for (const data::SourcePtr& source : sources) {
      const Equality e = check_equal(before, after, *source, options);
      if (result_.equality)
        merge(*result_.equality, e);
      else
        result_.equality = e;
    }
  }

  data::SourcePtr open_data(const Graph& graph) const {
    data::DataSpec spec = *q_.data;
    if (!spec.preprocess) spec.preprocess = find_preprocess(q_.preprocess, q_.input, run_.original);
    return data::open_source(spec, Feed(graph, q_.feed).data_inputs());
  }

  void say_what_grew() {
    const uint64_t before = result_.before.file_bytes, after = result_.after.file_bytes;
    if (after > before)
      result_.warnings.push_back(fmt::format(
          "the output is {} bytes larger than the input: {}", after - before,
          after - before <= provenance_bytes()
              ? "its metadata say what made it"
              : "constants that were computed and newer operators take more room than what they replace"));
    if (run_.write.opset == 0 && result_.after.opset > result_.before.opset)
      result_.warnings.push_back(
          fmt::format("the output needs opset {}, the input was of opset {}; --opset or --skip keep it older",
                      result_.after.opset, result_.before.opset));
  }

  uint64_t provenance_bytes() const {
    constexpr uint64_t kFraming = 16;  // of an entry, at most
    uint64_t bytes = run_.model.producer_name.size() + run_.model.producer_version.size() + kFraming;
    for (const auto& [key, text] : run_.model.metadata) bytes += key.size() + text.size() + kFraming;
    for (const auto& [key, text] : run_.original.metadata)
      bytes -= std::min<uint64_t>(bytes, key.size() + text.size());
    return bytes;
  }

  const SimplifyRequest& q_;
  SimplifyResult result_;
  Run run_;
  std::string input_sha256_;
  std::vector<std::string> external_files_;  // of the input, beside it
  double start_ = process_seconds();
};

}  // namespace

std::vector<OperatorChange> operator_changes(const ModelSummary& before, const ModelSummary& after) {
  std::map<std::string, OperatorChange> by_name;
  for (const OperatorSummary& o : before.operators) by_name[o.op].before = o.count;
  for (const OperatorSummary& o : after.operators) by_name[o.op].after = o.count;
  std::vector<OperatorChange> changes;
  for (auto& [name, change] : by_name) {
    change.op = name;
    changes.push_back(std::move(change));
  }
  return changes;
}

std::vector<PassChoice> pass_choices() {
  std::vector<PassChoice> choices;
  for (const passes::Simplification& s : passes::simplification())
    choices.push_back({s.name, passes::find_pass(s.name)->summary, true, s.opset});
  for (const passes::PassInfo& p : passes::all_passes()) {
    const auto usual = [&](const PassChoice& c) { return c.name == p.name; };
    if (std::none_of(choices.begin(), choices.end(), usual)) choices.push_back({p.name, p.summary});
  }
  return choices;
}

SimplifyResult simplify(const SimplifyRequest& request) { return SimplifyFlow(request).run(); }

}  // namespace precis::flow
