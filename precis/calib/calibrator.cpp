// Windows of kWindow samples run in parallel, each sample on one thread with a Session of its own; their statistics merge into
// the table in sample order. The window is fixed, so neither results nor memory depend on the thread count or the sample count.
#include "precis/calib/calibrator.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/parallel.h"
#include "precis/core/text.h"
#include "precis/graph/text.h"
#include "precis/runtime/session.h"

namespace precis::calib {
namespace {

constexpr int64_t kWindow = 8;

using SampleStats = std::map<std::string, quant::RangeStats, std::less<>>;

// Sessions that are handed to whichever thread needs one.
class SessionPool {
 public:
  explicit SessionPool(std::shared_ptr<const runtime::Program> program) : program_(std::move(program)) {}
  std::unique_ptr<runtime::Session> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<runtime::Session>(program_, 1);
    auto s = std::move(free_.back());
    free_.pop_back();
    return s;
  }
  void give(std::unique_ptr<runtime::Session> s) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(s));
  }

 private:
  std::shared_ptr<const runtime::Program> program_;
  std::vector<std::unique_ptr<runtime::Session>> free_;
  std::mutex mutex_;
};

void observe(SampleStats& stats, const std::string& value, const Tensor& t, const std::string& origin) {
  const Tensor real = t.dtype() == DType::kF32 ? t : t.cast(DType::kF32);
  try {
    stats[value].add_sample(real.data<float>());
  } catch (const Error& e) {
    throw Error(e.code(), fmt::format("tensor '{}' on calibration sample {}: {}; remove the sample or mend the model", printable(value),
                                      printable(origin), e.what()));
  }
}

}  // namespace

quant::RangeTable calibrate(const Graph& graph, const data::DataSource& source, const CalibrateOptions& options) {
  check(source.size() > 0, ErrorCode::kUsage, "the calibration set is empty ({}); give at least one sample, better 100 or more",
        source.describe());
  runtime::ProgramOptions program_options;
  program_options.taps = options.values;
  SessionPool pool(runtime::Program::compile(graph, program_options));
  std::map<std::string, bool, std::less<>> is_input;  // graph inputs are observed as they are fed
  for (const std::string& v : options.values) {
    const ValueId id = graph.find_value(v);
    check(static_cast<bool>(id), ErrorCode::kInternal, "calibration asks for tensor '{}', which the graph does not have", printable(v));
    is_input[v] = graph.is_input(id);
  }
  quant::RangeTable table;
  table.graph_hash = graph_hash(graph);
  Sha256 data_hash;
  std::vector<SampleStats> window(kWindow);
  for (int64_t start = 0; start < source.size(); start += kWindow) {
    const int64_t count = std::min(kWindow, source.size() - start);
    parallel_for(count, 1, [&](int64_t begin, int64_t end) {
      auto session = pool.take();
      for (int64_t i = begin; i < end; ++i) {
        SampleStats& stats = window[static_cast<size_t>(i)];
        stats.clear();
        const data::Sample sample = source.get(start + i);
        for (size_t k = 0; k < graph.inputs().size(); ++k) {
          const std::string& name = graph.value(graph.inputs()[k]).name;
          if (is_input.count(name)) observe(stats, name, sample.inputs[k], sample.origin);
        }
        session->set_tap([&](const std::string& value, const Tensor& t) {
          const auto it = is_input.find(value);
          if (it != is_input.end() && !it->second) observe(stats, value, t, sample.origin);
        });
        session->run(sample.inputs);
        session->set_tap({});
      }
      pool.give(std::move(session));
    });
    for (int64_t i = 0; i < count; ++i) {
      for (const auto& [name, stats] : window[static_cast<size_t>(i)]) table.entries[name].merge(stats);
      const uint64_t h = source.content_hash(start + i);
      data_hash.update(std::as_bytes(std::span(&h, 1)));
    }
    if (options.progress) options.progress(start + count, source.size());
  }
  table.data_hash = data_hash.hex();
  return table;
}

std::string graph_hash(const Graph& graph) {
  Sha256 h;
  h.update(print_graph(graph));
  for (ValueId v : graph.initializers()) {
    const Tensor& t = *graph.constant(v);
    h.update(graph.value(v).name);
    h.update(std::span(t.bytes(), static_cast<size_t>(t.nbytes())));
  }
  return h.hex();
}

}  // namespace precis::calib
