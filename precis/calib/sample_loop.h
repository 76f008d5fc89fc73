// Running programs over a data set: each thread takes the next sample, reads it once and runs it on sessions
// of its own; results are handed on in sample order. What is made of them does not depend on the thread
// count, and at most slots() of them wait.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "precis/data/source.h"
#include "precis/runtime/session.h"

namespace precis::calib {

class SampleLoop {
 public:
  // A thread's own: sessions[p] runs program p.
  struct Worker {
    size_t id = 0;  // 0 .. workers() - 1
    std::vector<runtime::Session> sessions;
  };

  // The threads are those of the calling thread's num_threads().
  explicit SampleLoop(std::vector<std::shared_ptr<const runtime::Program>> programs);

  size_t workers() const { return workers_.size(); }
  size_t slots() const { return 4 * workers(); }

  // `work` fills a fresh Result from each sample, on any thread; `consume` takes them in sample order, one at
  // a time. An exception of either (for `work`: of the earliest sample) ends the loop and is rethrown.
  template <typename Result>
  void run(const data::DataSource& source,
           const std::function<void(Worker&, int64_t index, const data::Sample&, Result&)>& work,
           const std::function<void(int64_t index, Result&)>& consume) {
    std::vector<Result> results(slots());
    run_slots(
        source.size(),
        [&](Worker& worker, int64_t index, size_t slot) {
          results[slot] = Result{};
          work(worker, index, source.get(index), results[slot]);
        },
        [&](int64_t index, size_t slot) { consume(index, results[slot]); });
  }

 private:
  using SlotWork = std::function<void(Worker&, int64_t index, size_t slot)>;
  using SlotConsumer = std::function<void(int64_t index, size_t slot)>;
  void run_slots(int64_t total, const SlotWork& work, const SlotConsumer& consume);
  Worker& worker(size_t id);

  std::vector<std::shared_ptr<const runtime::Program>> programs_;
  std::vector<std::unique_ptr<Worker>> workers_;  // made by the thread that first needs them
};

}  // namespace precis::calib
