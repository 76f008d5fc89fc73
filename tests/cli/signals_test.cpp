// Interrupted and killed at random moments: the exit code says which signal it was, a name holds the complete
// old file or the complete new one or nothing, and nothing else is left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fmt/format.h>

#include "precis/core/io.h"
#include "precis/core/rng.h"
#include "tests/cli/workspace.h"
#include "tests/support/files.h"
#include "tests/support/process.h"

namespace precis::test {
namespace {

constexpr const char* kQuantize =
    "precis quantize mlp.onnx --calib rows.npy -o out/out.onnx -f --no-bench --progress none -q";

class Signals : public testing::Test {
 protected:
  Signals() {
    fill_workspace(dir_);
    EXPECT_EQ(shell(dir_, std::string("mkdir out; ") + kQuantize).exit_code, 0);
    whole_ = slurp(dir_ / "out/out.onnx");
  }
  // Sends `signal` (a name) after a while; 0 = the command was done before.
  ProcessResult interrupted(const std::string& command, const std::string& signal, double seconds) {
    return shell(dir_,
                 fmt::format("exec timeout --preserve-status -s {} {:.4f} {}", signal, seconds, command));
  }
  std::vector<std::string> left() { return list_folder(dir_ / "out"); }

  TempDir dir_;
  std::string whole_;
};

TEST_F(Signals, InterruptAndTerminateLeaveNothing) {
  int seen = 0;
  Rng rng(5);
  for (int round = 0; round < 60; ++round) {
    const bool interrupt = round % 2 == 0;
    remove_file(dir_ / "out/out.onnx");
    const ProcessResult r = interrupted(kQuantize, interrupt ? "INT" : "TERM", rng.uniform(0.001f, 0.12f));
    if (r.exit_code == 0) {
      EXPECT_EQ(slurp(dir_ / "out/out.onnx"), whole_);
      continue;
    }
    // Before main() has begun to watch, a signal ends the process by itself: timeout says so with the same
    // numbers.
    EXPECT_EQ(r.exit_code, interrupt ? 130 : 143) << r.err;
    for (const std::string& name : left()) EXPECT_EQ(name, "out.onnx");
    if (exists(dir_ / "out/out.onnx")) {
      EXPECT_EQ(slurp(dir_ / "out/out.onnx"), whole_);
    }
    seen += r.err.find("unfinished files were removed") != std::string::npos;
  }
  EXPECT_GT(seen, 3);
}

// A long job, interrupted in its middle: the answer comes at once.
TEST_F(Signals, EndALongRunAtOnce) {
  const ProcessResult r = interrupted("precis bench mlp.onnx --seconds 60", "INT", 0.5);
  EXPECT_EQ(r.exit_code, 130);
  EXPECT_THAT(r.err, testing::HasSubstr("precis: interrupted"));
  EXPECT_LT(r.seconds, 5);
}

// Outputs of `run` are written while samples run; a scratch folder of --metric-cmd goes as well.
TEST_F(Signals, RunAndScratchFoldersGo) {
  const ProcessResult r =
      shell(dir_,
            "mkdir tmp; TMPDIR=$PWD/tmp exec timeout --preserve-status -s TERM 1 precis eval mlp.onnx --data "
            "rows.npy --progress none --metric-cmd 'sleep 5; echo 1 #'");
  EXPECT_EQ(r.exit_code, 143);
  EXPECT_TRUE(list_folder(dir_ / "tmp").empty());
}

TEST_F(Signals, KillAtRandomMomentsKeepsOldOrNew) {
  Rng rng(6);
  int killed = 0;
  for (int round = 0; round < 60; ++round) {
    spit(dir_ / "out/out.onnx", "old");
    const ProcessResult r = shell(
        dir_, fmt::format("{} & sleep {:.4f}; kill -9 $!; wait $!", kQuantize, rng.uniform(0.001f, 0.12f)));
    killed += r.exit_code == 137;
    const std::string content = slurp(dir_ / "out/out.onnx");
    EXPECT_TRUE(content == "old" || content == whole_) << content.size() << " bytes";
  }
  EXPECT_GT(killed, 3);
  // The next run removes what a killed one could not.
  EXPECT_EQ(shell(dir_, kQuantize).exit_code, 0);
  EXPECT_EQ(left(), std::vector<std::string>{"out.onnx"});
}

}  // namespace
}  // namespace precis::test
