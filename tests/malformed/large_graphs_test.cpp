// B25 to B28 in full size, and A08/A09: graphs of a million nodes stay linear in time and memory, and a file
// that changes while it is read is refused or read whole, never half.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/malformed/op_bytes.h"
#include "tests/support/files.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace precis::test {
namespace {

constexpr int kMillion = 1'000'000;
// A million nodes take about 4 s of processor time and 1.1 GB here; anything quadratic would take hours.
#if defined(__SANITIZE_ADDRESS__)
constexpr double kSeconds = 80;
constexpr int64_t kBytes = int64_t{12} << 30;
#else
constexpr double kSeconds = 8;
constexpr int64_t kBytes = int64_t{3} << 29;
#endif

std::string relu(const std::string& from, const std::string& to) {
  return in_node(node("Relu", {from}, {to}));
}
std::string io(int64_t out) { return graph_input("x", {2}) + graph_output("y", {out}); }

void expect_checked(const std::string& graph) {
  const TempDir dir;
  spit(dir / "m.onnx", model(graph));
  const ProcessResult r = run_process({PRECIS_PROGRAM, "check", dir / "m.onnx"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_LT(r.cpu_seconds, kSeconds);
  EXPECT_LT(r.peak_rss_bytes, kBytes);
  testing::Test::RecordProperty("cpu_milliseconds", static_cast<int>(r.cpu_seconds * 1e3));
  testing::Test::RecordProperty("mebibytes", static_cast<int>(r.peak_rss_bytes >> 20));
}

TEST(LargeGraphs, B25_ChainOfAMillion) {
  std::string graph = io(2), last = "x";
  for (int i = 0; i < kMillion; ++i) {
    const std::string next = "c" + std::to_string(i);
    graph += relu(last, next);
    last = next;
  }
  expect_checked(graph + relu(last, "y"));
}

TEST(LargeGraphs, B26_AMillionReadersOfOneTensor) {
  std::string graph = io(2);
  for (int i = 0; i < kMillion; ++i) graph += relu("x", "c" + std::to_string(i));
  expect_checked(graph + relu("x", "y"));
}

TEST(LargeGraphs, B27_ConcatOfAMillion) {
  expect_checked(io(2 * kMillion) + in_node(node("Concat", std::vector<std::string>(kMillion, "x"), {"y"},
                                                 int_attribute("axis", 0))));
}

TEST(LargeGraphs, B28_LadderOf100000) {
  std::string graph = io(2), last = "x";
  for (int i = 0; i < 100'000; ++i) {
    const std::string n = std::to_string(i);
    graph += relu(last, "a" + n) + relu(last, "b" + n) + in_node(node("Add", {"a" + n, "b" + n}, {"s" + n}));
    last = "s" + n;
  }
  expect_checked(graph + relu(last, "y"));
}

// A weight of 8 MB, cut and made whole again as fast as it goes.
TEST(ChangingFiles, A08_A09_ShrinkAndGrowWhileRead) {
  const TempDir dir;
  const int64_t count = 2 << 20;
  const std::string path = dir / "m.onnx";
  const std::string whole = model(
      io(2) +
      initializer(tensor_name("w") + dims({count}) + data_type(1) + raw_data(std::string(count * 4, '\1'))) +
      relu("x", "y"));
  spit(path, whole);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      const off_t size = static_cast<off_t>(whole.size()) + (i % 3 == 0 ? -4096 : i % 3 == 1 ? 4096 : 0);
      if (::truncate(path.c_str(), size) != 0) return;
    }
  });
  int refused = 0;
  for (int round = 0; round < 40; ++round) {
    const ProcessResult r = run_process({PRECIS_PROGRAM, "check", path});
    EXPECT_EQ(r.signal, 0);
    EXPECT_TRUE(r.exit_code == 0 || r.exit_code == 3 || r.exit_code == 6) << r.exit_code << r.err;
    refused += r.exit_code != 0;
  }
  stop = true;
  writer.join();
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace precis::test
