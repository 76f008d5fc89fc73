// Samples run in parallel and are written in order, straight into one npy file per output.
#include "precis/flow/run_model.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "precis/calib/sample_loop.h"
#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/data/npy.h"

namespace precis::flow {
namespace {

// An output's name as a file name: everything but letters, digits, '.', '_' and '-' becomes '_'.
std::string safe_file_name(const std::string& name) {
  std::string out = name.empty() ? "output" : name;
  for (char& c : out)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-' && c != '.') c = '_';
  if (out[0] == '.') out[0] = '_';
  return out.substr(0, 200);
}

// One stacked npy file; opened at the first sample, whose shape all others must have.
class StackedOutput {
 public:
  StackedOutput(std::string path, std::string name, int64_t samples, Overwrite overwrite)
      : path_(std::move(path)), name_(std::move(name)), samples_(samples), overwrite_(overwrite) {}

  void add(const Tensor& t) {
    if (!file_) open(t);
    check(t.shape() == first_ && t.dtype() == dtype_, ErrorCode::kUsage,
          "output '{}' has shape {} for one sample and {} for another, which cannot be stacked in one file; run the samples one by one with --data PATH,rows=A:B",
          printable(name_), first_.str(), t.shape().str());
    file_->write(std::span(t.bytes(), static_cast<size_t>(t.nbytes())));
  }
  void publish() { file_->publish(); }
  const std::string& path() const { return path_; }
  std::string shape() const { return stacked_.str(); }

 private:
  void open(const Tensor& t) {
    first_ = t.shape();
    dtype_ = t.dtype();
    std::vector<int64_t> dims = first_.dims();
    if (dims.empty())
      dims = {samples_};
    else
      dims[0] = checked_mul(dims[0], samples_);
    stacked_ = Shape(std::move(dims));
    file_ = std::make_unique<AtomicFile>(path_, overwrite_);
    file_->write(data::npy_header(dtype_, stacked_));
  }

  std::string path_, name_;
  int64_t samples_;
  Overwrite overwrite_;
  Shape first_, stacked_;
  DType dtype_ = DType::kUndefined;
  std::unique_ptr<AtomicFile> file_;
};

// Looked at before each sample; a loop of the model that takes too long ends itself (limits().max_loop_seconds).
class Stopwatch {
 public:
  explicit Stopwatch(double limit) : limit_(limit), start_(std::chrono::steady_clock::now()) {}

  void check_time(int64_t sample, int64_t samples) const {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start_;
    check(limit_ <= 0 || taken.count() <= limit_, ErrorCode::kLimit,
          "the run took longer than {} seconds (--timeout); it had come to sample {} of {}, nothing was written", limit_,
          sample + 1, samples);
  }

 private:
  double limit_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace

RunModelResult run_model(const Graph& graph, const data::DataSource& source, const std::string& folder, const RunModelOptions& options) {
  check(source.size() > 0, ErrorCode::kUsage, "the data has no samples ({})", source.describe());
  make_folders(folder);
  std::vector<StackedOutput> outputs;
  std::vector<std::string> taken;
  for (ValueId v : graph.outputs()) {
    const std::string& name = graph.value(v).name;
    std::string file = safe_file_name(name);
    while (std::find(taken.begin(), taken.end(), file) != taken.end()) file += "_";
    taken.push_back(file);
    outputs.emplace_back(join_path(folder, file + ".npy"), name, source.size(), options.overwrite);
  }
  runtime::ProgramOptions program;
  program.engine = options.engine;
  const Feed feed(graph, options.feed);
  calib::SampleLoop loop({runtime::Program::compile(graph, program)});
  const Stopwatch watch(options.max_seconds);
  loop.run<std::vector<Tensor>>(
      source,
      [&](calib::SampleLoop::Worker& worker, int64_t index, const data::Sample& s, std::vector<Tensor>& results) {
        watch.check_time(index, source.size());
        results = feed.run(worker.sessions[0], s);
      },
      [&](int64_t index, std::vector<Tensor>& results) {
        for (size_t i = 0; i < outputs.size(); ++i) outputs[i].add(results[i]);
        results.clear();
        if (options.progress) options.progress("run", index + 1, source.size());
      });
  RunModelResult result;
  result.samples = source.size();
  for (StackedOutput& o : outputs) {
    o.publish();
    result.files.push_back(o.path());
    result.shapes.push_back(o.shape());
  }
  return result;
}

}  // namespace precis::flow
