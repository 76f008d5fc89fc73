// The loop that calibration and judging share: order, which error wins, cancelling, each sample read once.
#include "precis/calib/sample_loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "precis/core/check.h"
#include "precis/core/parallel.h"
#include "tests/support/expect_error.h"

namespace precis::calib {
namespace {

// `size` samples without inputs that count how often they are read.
class CountingSource : public data::DataSource {
 public:
  explicit CountingSource(int64_t size) : reads_(static_cast<size_t>(size)) {}
  int64_t size() const override { return static_cast<int64_t>(reads_.size()); }
  data::Sample get(int64_t index) const override {
    ++reads_[static_cast<size_t>(index)];
    data::Sample s;
    s.label = index;
    return s;
  }
  uint64_t content_hash(int64_t index) const override { return static_cast<uint64_t>(index); }
  bool labelled() const override { return true; }
  std::string describe() const override { return "counting"; }
  bool all_read_once() const {
    return std::all_of(reads_.begin(), reads_.end(), [](const auto& n) { return n == 1; });
  }

 private:
  mutable std::vector<std::atomic<int>> reads_;
};

class SampleLoopOnThreads : public testing::TestWithParam<int> {
 protected:
  ThreadScope scope_{GetParam()};
};

TEST_P(SampleLoopOnThreads, ResultsComeInSampleOrderAndSamplesAreReadOnce) {
  const CountingSource source(103);
  SampleLoop loop({});
  std::vector<int64_t> seen;
  loop.run<int64_t>(
      source,
      [](SampleLoop::Worker&, int64_t index, const data::Sample& s, int64_t& result) {
        if (index % 7 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        result += s.label * s.label;  // results start fresh: a slot's last one is gone
      },
      [&](int64_t index, int64_t& result) {
        EXPECT_EQ(result, index * index);
        seen.push_back(index);
      });
  ASSERT_EQ(seen.size(), 103u);
  for (size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], static_cast<int64_t>(i));
  EXPECT_TRUE(source.all_read_once());
}

TEST_P(SampleLoopOnThreads, TheEarliestErrorWins) {
  const CountingSource source(50);
  SampleLoop loop({});
  const auto run = [&] {
    loop.run<int>(
        source,
        [](SampleLoop::Worker&, int64_t index, const data::Sample&, int&) {
          if (index == 20) std::this_thread::sleep_for(std::chrono::milliseconds(20));
          check(index < 20, ErrorCode::kMalformed, "sample {} is bad", index);
        },
        [](int64_t, int&) {});
  };
  EXPECT_ERROR(run(), ErrorCode::kMalformed, "sample 20 is bad");
}

TEST_P(SampleLoopOnThreads, AConsumerMayCancel) {
  const CountingSource source(50);
  SampleLoop loop({});
  int64_t last = -1;
  const auto run = [&] {
    loop.run<int>(
        source, [](SampleLoop::Worker&, int64_t, const data::Sample&, int&) {},
        [&](int64_t index, int&) {
          last = index;
          check(index < 5, ErrorCode::kInterrupted, "cancelled");
        });
  };
  EXPECT_ERROR(run(), ErrorCode::kInterrupted, "cancelled");
  EXPECT_EQ(last, 5);
}

INSTANTIATE_TEST_SUITE_P(Threads, SampleLoopOnThreads, testing::Values(1, 2, 4));

}  // namespace
}  // namespace precis::calib
