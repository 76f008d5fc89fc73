// The window is fixed (kWindow samples), like the calibrator's: memory and order do not depend on the thread count.
#include "precis/flow/sample_loop.h"

#include <algorithm>
#include <mutex>

#include "precis/core/check.h"
#include "precis/core/parallel.h"
#include "precis/core/text.h"

namespace precis::flow {
namespace {

constexpr int64_t kWindow = 8;
constexpr int64_t kTappedWindow = 2;  // every tensor of a sample is kept until it is consumed

struct SampleResult {
  data::Sample sample;
  std::vector<std::vector<Tensor>> outputs;
  Tapped tapped;
};

}  // namespace

struct SampleLoop::Worker {
  std::vector<runtime::Session> sessions;
};

struct SampleLoop::Pool {
  std::mutex mutex;
  std::vector<std::unique_ptr<Worker>> free;
};

SampleLoop::SampleLoop(std::vector<const Graph*> models, runtime::Engine engine, std::vector<std::vector<std::string>> taps)
    : taps_(std::move(taps)), pool_(std::make_unique<Pool>()) {
  taps_.resize(models.size());
  for (size_t m = 0; m < models.size(); ++m) {
    runtime::ProgramOptions options;
    options.engine = engine;
    options.taps = taps_[m];
    programs_.push_back(runtime::Program::compile(*models[m], options));
  }
}

SampleLoop::~SampleLoop() = default;

std::unique_ptr<SampleLoop::Worker> SampleLoop::take() {
  {
    const std::lock_guard lock(pool_->mutex);
    if (!pool_->free.empty()) {
      auto w = std::move(pool_->free.back());
      pool_->free.pop_back();
      return w;
    }
  }
  auto w = std::make_unique<Worker>();
  for (const auto& p : programs_) w->sessions.emplace_back(p, 1);
  return w;
}

void SampleLoop::give(std::unique_ptr<Worker> worker) {
  const std::lock_guard lock(pool_->mutex);
  pool_->free.push_back(std::move(worker));
}

void SampleLoop::run(const data::DataSource& source, const std::string& phase, const Progress& progress, const Consumer& consumer) {
  run_tapped(source, phase, progress,
             [&](int64_t i, const data::Sample& s, const std::vector<std::vector<Tensor>>& r, const Tapped&) { consumer(i, s, r); });
}

void SampleLoop::run_tapped(const data::DataSource& source, const std::string& phase, const Progress& progress, const TapConsumer& consumer) {
  const int64_t total = source.size();
  const bool tapped = std::any_of(taps_.begin(), taps_.end(), [](const auto& names) { return !names.empty(); });
  const int64_t size = tapped ? kTappedWindow : kWindow;
  std::vector<SampleResult> window(static_cast<size_t>(size));
  for (int64_t start = 0; start < total; start += size) {
    const int64_t count = std::min(size, total - start);
    parallel_for(count, 1, [&](int64_t begin, int64_t end) {
      auto worker = take();
      for (int64_t i = begin; i < end; ++i) {
        SampleResult& r = window[static_cast<size_t>(i)];
        r.sample = source.get(start + i);
        r.outputs.resize(programs_.size());
        r.tapped.assign(programs_.size(), {});
        for (size_t m = 0; m < programs_.size(); ++m) {
          if (!taps_[m].empty())
            worker->sessions[m].set_tap([&r, m](const std::string& name, const Tensor& t) { r.tapped[m].emplace_back(name, t.clone()); });
          r.outputs[m] = worker->sessions[m].run(r.sample.inputs);
        }
      }
      give(std::move(worker));
    });
    for (int64_t i = 0; i < count; ++i) {
      const SampleResult& r = window[static_cast<size_t>(i)];
      consumer(start + i, r.sample, r.outputs, r.tapped);
    }
    if (progress) progress(phase, start + count, total);
  }
}

}  // namespace precis::flow
