// Team: every chunk runs once, whoever comes; with_team: loops in it are those outside of it.
#include "precis/core/team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace precis {
namespace {

// Counts how often each item was covered.
struct Counts {
  explicit Counts(int64_t n) : items(static_cast<size_t>(n)) {}
  std::vector<std::atomic<int>> items;
  Team::Loop loop(int64_t chunk) { return {&Counts::cover, this, static_cast<int64_t>(items.size()), chunk}; }
  static void cover(void* context, int64_t begin, int64_t end) {
    auto& self = *static_cast<Counts*>(context);
    for (int64_t i = begin; i < end; ++i) ++self.items[static_cast<size_t>(i)];
  }
  bool all_are(int count) const {
    for (const auto& item : items)
      if (item != count) return false;
    return true;
  }
};

TEST(Team, ThreadsThatNeverComeDelayNobody) {
  Team team;
  team.open(4);
  Counts counts(103);
  team.run(counts.loop(10), 4);
  EXPECT_TRUE(counts.all_are(1));
  team.run(counts.loop(1), 2);
  EXPECT_TRUE(counts.all_are(2));
  team.close();
}

TEST(Team, LoopAfterLoopOnSeveralThreads) {
  constexpr int kThreads = 3, kLoops = 2000;
  Team team;
  for (int opened = 0; opened < 2; ++opened) {
    team.open(kThreads);
    std::vector<std::thread> others;
    for (int i = 1; i < kThreads; ++i) others.emplace_back([&team, i] { team.serve(i); });
    Counts counts(50);
    for (int i = 0; i < kLoops; ++i) {
      team.run(counts.loop(1 + i % 60), 1 + i % kThreads);
      ASSERT_TRUE(counts.all_are(i + 1)) << i;  // all have ended when run() returns
    }
    team.close();
    for (std::thread& t : others) t.join();
  }
}

class WithTeam : public testing::Test {
 protected:
  void TearDown() override { set_num_threads(0); }
  template <typename Body>
  static void run(int threads, Body body) {
    with_team(
        threads, [](void* context) { (*static_cast<Body*>(context))(); }, &body);
  }
};

TEST_F(WithTeam, LoopsCoverTheirItemsAndTheThreadIsStillTheCaller) {
  for (int threads : {1, 2, 3}) {
    set_num_threads(threads);
    const auto caller = std::this_thread::get_id();
    Counts counts(1000);
    run(threads, [&] {
      EXPECT_EQ(std::this_thread::get_id(), caller);
      EXPECT_FALSE(in_parallel_region());
      EXPECT_EQ(num_threads(), threads);
      for (int i = 0; i < 100; ++i)
        parallel_for(1000, 7, [&](int64_t begin, int64_t end) {
          EXPECT_EQ(in_parallel_region(), threads > 1);
          Counts::cover(&counts, begin, end);
        });
      run(threads,
          [&] { parallel_for_raw(1000, 9, &Counts::cover, &counts); });  // a team in a team is the same
    });
    EXPECT_TRUE(counts.all_are(101));
    EXPECT_FALSE(in_parallel_region());
  }
}

TEST_F(WithTeam, FewerThreadsForOneLoop) {
  set_num_threads(3);
  run(3, [] {
    const ThreadScope scope(1);
    const auto caller = std::this_thread::get_id();
    parallel_for(10, 1, [&](int64_t, int64_t) { EXPECT_EQ(std::this_thread::get_id(), caller); });
  });
  EXPECT_EQ(num_threads(), 3);
}

TEST_F(WithTeam, ExceptionsComeOut) {
  set_num_threads(2);
  for (int round = 0; round < 20; ++round) {
    EXPECT_THROW(run(2, [] { throw std::runtime_error("of the body"); }), std::runtime_error);
    EXPECT_THROW(run(2, [] { parallel_for(8, 1, [](int64_t, int64_t) { throw 1; }); }), int);
    EXPECT_FALSE(in_parallel_region());
  }
  Counts counts(8);
  run(2, [&] { parallel_for_raw(8, 1, &Counts::cover, &counts); });
  EXPECT_TRUE(counts.all_are(1));
}

TEST_F(WithTeam, InsideAChunkItIsSerial) {
  set_num_threads(2);
  Counts counts(10);
  parallel_for(4, 1,
               [&](int64_t, int64_t) { run(2, [&] { parallel_for_raw(10, 1, &Counts::cover, &counts); }); });
  EXPECT_TRUE(counts.all_are(4));
}

}  // namespace
}  // namespace precis
