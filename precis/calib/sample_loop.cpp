// A ring of slots: a thread may take sample i only when sample i - slots has been consumed.
#include "precis/calib/sample_loop.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>

#include "precis/core/parallel.h"

namespace precis::calib {
namespace {

// Which samples are taken, finished and consumed. Consuming happens under the lock: one at a time and in
// order.
class Ring {
 public:
  Ring(int64_t total, size_t slots, const std::function<void(int64_t, size_t)>& consume)
      : total_(total), finished_(slots, 0), consume_(consume) {}

  // The next sample, or -1 when there is none left (or the loop failed).
  int64_t take() {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [&] { return error_ != nullptr || next_ == total_ || next_ - consumed_ < slots(); });
    return error_ != nullptr || next_ == total_ ? -1 : next_++;
  }

  void finish(int64_t index) {
    const std::lock_guard lock(mutex_);
    finished_[slot_of(index)] = 1;
    while (error_ == nullptr && consumed_ < next_ && finished_[slot_of(consumed_)] != 0) {
      finished_[slot_of(consumed_)] = 0;
      try {
        consume_(consumed_, slot_of(consumed_));
      } catch (...) {
        set_error(consumed_, std::current_exception());
      }
      ++consumed_;
    }
    free_.notify_all();
  }

  void fail(int64_t index, std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    set_error(index, std::move(error));
    free_.notify_all();
  }

  size_t slot_of(int64_t index) const { return static_cast<size_t>(index % slots()); }
  void rethrow() const {
    if (error_ != nullptr) std::rethrow_exception(error_);
  }

 private:
  int64_t slots() const { return static_cast<int64_t>(finished_.size()); }
  // Samples are taken in order: whatever is earlier than a failed one was taken before it and still reports.
  void set_error(int64_t index, std::exception_ptr error) {
    if (error_ != nullptr && error_index_ <= index) return;
    error_ = std::move(error);
    error_index_ = index;
  }

  const int64_t total_;
  int64_t next_ = 0, consumed_ = 0;
  std::vector<char> finished_;
  const std::function<void(int64_t, size_t)>& consume_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::exception_ptr error_;
  int64_t error_index_ = 0;
};

}  // namespace

SampleLoop::SampleLoop(std::vector<std::shared_ptr<const runtime::Program>> programs)
    : programs_(std::move(programs)), workers_(static_cast<size_t>(std::max(1, num_threads()))) {}

SampleLoop::Worker& SampleLoop::worker(size_t id) {
  if (workers_[id] == nullptr) {
    auto made = std::make_unique<Worker>();
    made->id = id;
    for (const auto& program : programs_) made->sessions.emplace_back(program, 1);
    workers_[id] = std::move(made);
  }
  return *workers_[id];
}

void SampleLoop::run_slots(int64_t total, const SlotWork& work, const SlotConsumer& consume) {
  Ring ring(total, slots(), consume);
  parallel_for(static_cast<int64_t>(workers()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t id = begin; id < end; ++id)
      for (int64_t index = ring.take(); index >= 0; index = ring.take()) {
        try {
          work(worker(static_cast<size_t>(id)), index, ring.slot_of(index));
        } catch (...) {
          ring.fail(index, std::current_exception());
          break;
        }
        ring.finish(index);
      }
  });
  ring.rethrow();
}

}  // namespace precis::calib
