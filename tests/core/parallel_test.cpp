// parallel_for: the partition is the caller's, exceptions come in chunk order, nothing else of the thread
// changes.
#include "precis/core/parallel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <omp.h>
#include <sys/resource.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/support/process.h"

namespace precis {
namespace {

using Chunks = std::set<std::pair<int64_t, int64_t>>;

class ParallelFor : public testing::Test {
 protected:
  void TearDown() override { set_num_threads(0); }
};

Chunks chunks_of(int64_t n, int64_t chunk, int threads) {
  set_num_threads(threads);
  Chunks chunks;
  std::mutex mutex;
  parallel_for(n, chunk, [&](int64_t begin, int64_t end) {
    const std::lock_guard lock(mutex);
    EXPECT_TRUE(chunks.emplace(begin, end).second);
  });
  return chunks;
}

TEST_F(ParallelFor, PartitionDependsOnTheDataAlone) {
  for (int64_t n : {0, 1, 7, 8, 9, 100, 1000})
    for (int64_t chunk : {1, 3, 8, 1000}) {
      const Chunks serial = chunks_of(n, chunk, 1);
      int64_t next = 0;
      for (const auto& [begin, end] : serial) {
        ASSERT_EQ(begin, next);
        ASSERT_EQ(end, std::min(n, begin + chunk));
        next = end;
      }
      ASSERT_EQ(next, n);
      for (int threads : {2, 3, 8}) ASSERT_EQ(chunks_of(n, chunk, threads), serial) << n << " by " << chunk;
    }
}

TEST_F(ParallelFor, HugeCountsDoNotOverflow) {
  std::atomic<int64_t> covered{0};
  parallel_for(INT64_MAX, INT64_MAX / 3, [&](int64_t begin, int64_t end) { covered += end - begin; });
  EXPECT_EQ(covered.load(), INT64_MAX);
  parallel_for(5, 0,
               [&](int64_t begin, int64_t end) { EXPECT_EQ(end, begin + 1); });  // a chunk is at least one
  parallel_for(-3, 2, [&](int64_t, int64_t) { ADD_FAILURE(); });
}

TEST_F(ParallelFor, FirstExceptionByChunkOrder) {
  for (int threads : {1, 2, 4})
    for (int round = 0; round < 50; ++round) {
      set_num_threads(threads);
      try {
        parallel_for(64, 1, [&](int64_t i, int64_t) {
          if (i == 3) std::this_thread::sleep_for(std::chrono::microseconds(200));
          if (i >= 3) throw std::runtime_error(std::to_string(i));
        });
        FAIL() << "no exception";
      } catch (const std::runtime_error& e) {
        ASSERT_STREQ(e.what(), "3");
      }
    }
}

TEST_F(ParallelFor, WorksAgainAfterAnException) {
  set_num_threads(4);
  EXPECT_THROW(parallel_for(10, 1, [](int64_t, int64_t) { throw 1; }), int);
  EXPECT_FALSE(in_parallel_region());
  EXPECT_EQ(chunks_of(10, 1, 4).size(), 10u);
}

TEST_F(ParallelFor, NestedLoopsAreSerial) {
  set_num_threads(4);
  std::atomic<int> inner{0};
  parallel_for(4, 1, [&](int64_t, int64_t) {
    EXPECT_TRUE(in_parallel_region());
    EXPECT_EQ(num_threads(), 1);
    const auto self = std::this_thread::get_id();
    parallel_for(10, 1, [&](int64_t, int64_t) {
      EXPECT_EQ(std::this_thread::get_id(), self);
      ++inner;
    });
    EXPECT_TRUE(in_parallel_region());
  });
  EXPECT_EQ(inner.load(), 40);
  EXPECT_FALSE(in_parallel_region());
}

TEST_F(ParallelFor, ThreadCountBelongsToTheCallingThread) {
  set_num_threads(3);
  EXPECT_EQ(num_threads(), 3);
  std::thread([] { EXPECT_EQ(num_threads(), usable_cores()); }).join();
  set_num_threads(0);
  EXPECT_EQ(num_threads(), usable_cores());
  set_num_threads(-5);
  EXPECT_EQ(num_threads(), usable_cores());
  EXPECT_GE(usable_cores(), 1);
}

TEST_F(ParallelFor, ThreadScopeSetsBothAndPutsBothBack) {
  const int openmp_before = omp_get_max_threads();
  set_num_threads(3);
  {
    const ThreadScope scope(2);
    EXPECT_EQ(num_threads(), 2);
    EXPECT_EQ(omp_get_max_threads(), 2);
  }
  EXPECT_EQ(num_threads(), 3);
  EXPECT_EQ(omp_get_max_threads(), openmp_before);
}

TEST_F(ParallelFor, SeveralCallersAtOnce) {
  std::vector<std::thread> callers;
  std::atomic<int64_t> sum{0};
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&] {
      set_num_threads(2);
      for (int i = 0; i < 20; ++i)
        parallel_for(100, 10, [&](int64_t begin, int64_t end) { sum += end - begin; });
    });
  for (std::thread& c : callers) c.join();
  EXPECT_EQ(sum.load(), 4 * 20 * 100);
}

// Rounding mode, flush-to-zero and denormals-are-zero are those of a fresh process, in every worker and
// afterwards.
TEST_F(ParallelFor, FloatingPointStateIsUntouched) {
  constexpr unsigned kControl = 0xffc0, kDefault = 0x1f80;
  set_num_threads(4);
  EXPECT_EQ(_mm_getcsr() & kControl, kDefault);
  parallel_for(64, 1, [&](int64_t, int64_t) { EXPECT_EQ(_mm_getcsr() & kControl, kDefault); });
  EXPECT_EQ(_mm_getcsr() & kControl, kDefault);
}

// Run by the test below in a process of its own that may start only few threads.
TEST(ParallelLimited, DISABLED_Child) {
  const bool root = ::geteuid() == 0;
  rlimit limit{};
  limit.rlim_cur = limit.rlim_max =
      root ? 3 : 1;  // tasks of this user; root is exempt, so it becomes somebody
  ASSERT_EQ(::setrlimit(RLIMIT_NPROC, &limit), 0);
  if (root) {
    ASSERT_EQ(::setresuid(64321, 64321, 64321), 0);
  }
  set_num_threads(8);
  std::set<std::thread::id> threads;
  std::mutex mutex;
  std::atomic<int> sum{0};
  parallel_for(200, 1, [&](int64_t i, int64_t) {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    sum += static_cast<int>(i);
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(sum.load(), 19900);
  EXPECT_LE(threads.size(), root ? 3u : 1u);
  const ThreadScope scope(8);
  EXPECT_LE(omp_get_max_threads(), root ? 3 : 1);
}

TEST(ParallelLimited, ThreadsThatCannotStartLowerTheCount) {
  const auto result = test::run_process(
      {"/proc/self/exe", "--gtest_also_run_disabled_tests", "--gtest_filter=ParallelLimited.DISABLED_Child"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.err, testing::Not(testing::HasSubstr("creation failed")));
}

}  // namespace
}  // namespace precis
