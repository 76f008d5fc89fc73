// What depends on the order of the samples (moving averages, sums) is kept per sample and joined in sample
// order; histograms count, whatever the order, so each thread fills its own and they are merged at the end.
#include "precis/calib/calibrator.h"

#include <algorithm>
#include <map>
#include <memory>

#include "precis/calib/sample_loop.h"
#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/text.h"
#include "precis/graph/text.h"

namespace precis::calib {
namespace {

struct SampleResult {
  std::vector<quant::SampleSummary>
      values;  // one per observed value; no elements: the sample did not reach it
  std::vector<quant::ChannelSums> averages;  // one per averaged value
  uint64_t content_hash = 0;
};

// What is wanted of one value: its position among the observed and among the averaged ones, or -1.
struct Wanted {
  int64_t value = -1, average = -1;
};

class Observation {
 public:
  Observation(const Graph& graph, const CalibrateOptions& options)
      : names_(options.values), averaged_(options.averages), keeps_histograms_(options.histograms) {
    for (size_t i = 0; i < names_.size(); ++i) wanted_[names_[i]].value = static_cast<int64_t>(i);
    for (size_t i = 0; i < averaged_.size(); ++i) wanted_[averaged_[i]].average = static_cast<int64_t>(i);
    for (const auto& [name, wanted] : wanted_)
      check(static_cast<bool>(graph.find_value(name)), ErrorCode::kInternal,
            "calibration asks for tensor '{}', which the graph does not have", printable(name));
    // Inputs are observed as they are fed.
    for (size_t k = 0; k < graph.inputs().size(); ++k) {
      const auto at = wanted_.find(graph.value(graph.inputs()[k]).name);
      if (at == wanted_.end()) continue;
      fed_.emplace_back(k, at->second);
      wanted_.erase(at);
    }
  }

  void use_workers(size_t count) {
    histograms_.assign(count, std::vector<quant::StreamingHistogram>(names_.size()));
  }

  void sample(SampleLoop::Worker& worker, const data::Sample& sample, SampleResult& result) {
    result.values.resize(names_.size());
    result.averages.resize(averaged_.size());
    result.content_hash = sample.content_hash;
    const auto see = [&](const Wanted& wanted, const Tensor& t, bool channels_last) {
      const Tensor real = t.dtype() == DType::kF32 ? t : t.cast(DType::kF32);
      if (wanted.value >= 0)
        result.values[static_cast<size_t>(wanted.value)] =
            observe(worker.id, static_cast<size_t>(wanted.value), real, channels_last, sample.origin);
      if (wanted.average >= 0) result.averages[static_cast<size_t>(wanted.average)].add(real, channels_last);
    };
    for (const auto& [input, wanted] : fed_) see(wanted, sample.inputs[input], false);
    runtime::Session& session = worker.sessions[0];
    session.set_laid_out_tap([&](const std::string& name, const Tensor& t, bool channels_last) {
      const auto it = wanted_.find(name);
      if (it != wanted_.end()) see(it->second, t, channels_last);
    });
    session.run(sample.inputs);
    session.set_laid_out_tap({});
  }

  void consume(const SampleResult& result, quant::RangeTable& table) const {
    for (size_t i = 0; i < names_.size(); ++i)
      if (result.values[i].elements > 0) table.entries[names_[i]].add_summary(result.values[i]);
    for (size_t i = 0; i < averaged_.size(); ++i)
      if (result.averages[i].count > 0) table.channels[averaged_[i]].merge(result.averages[i]);
  }

  void merge_histograms(quant::RangeTable& table) const {
    for (const auto& of_worker : histograms_)
      for (size_t i = 0; i < names_.size(); ++i)
        if (!of_worker[i].empty()) table.entries[names_[i]].histogram.merge(of_worker[i]);
  }

 private:
  // Extremes and histograms do not depend on the order of the elements.
  quant::SampleSummary observe(size_t worker, size_t value, const Tensor& real, bool channels_last,
                               const std::string& origin) {
    try {
      const quant::SampleSummary s = quant::summarize(real, channels_last);
      if (keeps_histograms_) histograms_[worker][value].add(real.data<float>(), s.min, s.max);
      return s;
    } catch (const Error& e) {
      throw Error(e.code(),
                  fmt::format("tensor '{}' on calibration sample {}: {}; remove the sample or mend the model",
                              printable(names_[value]), printable(origin), e.what()));
    }
  }

  const std::vector<std::string>& names_;
  const std::vector<std::string>& averaged_;
  const bool keeps_histograms_;
  std::map<std::string, Wanted, std::less<>> wanted_;               // of computed values, by name
  std::vector<std::pair<size_t, Wanted>> fed_;                      // graph input, what is wanted of it
  std::vector<std::vector<quant::StreamingHistogram>> histograms_;  // one set per worker
};

}  // namespace

quant::RangeTable calibrate(const Graph& graph, const data::DataSource& source,
                            const CalibrateOptions& options) {
  check(source.size() > 0, ErrorCode::kUsage,
        "the calibration set is empty ({}); give at least one sample, better 100 or more", source.describe());
  runtime::ProgramOptions program_options;
  program_options.taps = options.values;
  program_options.taps.insert(program_options.taps.end(), options.averages.begin(), options.averages.end());
  program_options.taps_as_laid_out = true;
  SampleLoop loop({runtime::Program::compile(graph, program_options)});
  Observation observation(graph, options);
  observation.use_workers(loop.workers());
  quant::RangeTable table;
  table.graph_hash = graph_hash(graph);
  Sha256 data_hash;
  loop.run<SampleResult>(
      source,
      [&](SampleLoop::Worker& worker, int64_t index, const data::Sample& sample, SampleResult& result) {
        if (options.watch) options.watch(index, sample);
        observation.sample(worker, sample, result);
      },
      [&](int64_t index, SampleResult& result) {
        observation.consume(result, table);
        data_hash.update(std::as_bytes(std::span(&result.content_hash, 1)));
        if (options.progress) options.progress(index + 1, source.size());
      });
  observation.merge_histograms(table);
  table.data_hash = data_hash.hex();
  return table;
}

std::string graph_hash(const Graph& graph) {
  Sha256 h;
  h.update(print_graph(graph));
  for (ValueId v : graph.initializers()) {
    const Tensor& t = *graph.constant(v);
    h.update(graph.value(v).name);
    const uint64_t contents = xxh3(std::span(t.bytes(), static_cast<size_t>(t.nbytes())));
    h.update(std::as_bytes(std::span(&contents, 1)));
  }
  return h.hex();
}

}  // namespace precis::calib
