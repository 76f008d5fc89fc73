// Outputs that cannot be written: exit code 6, the old file untouched, nothing new left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "precis/core/io.h"
#include "tests/cli/workspace.h"
#include "tests/support/files.h"
#include "tests/support/process.h"

namespace precis::test {
namespace {

using testing::HasSubstr;

class Outputs : public testing::Test {
 protected:
  Outputs() {
    fill_workspace(dir_);
    ::mkdir((dir_ / "out").c_str(), 0700);
  }
  ProcessResult quantize(const std::string& more, const std::string& before = "") {
    return shell(dir_,
                 before + "precis quantize mlp.onnx --calib rows.npy --no-bench --progress none -q " + more);
  }
  std::vector<std::string> left() { return list_folder(dir_ / "out"); }
  TempDir dir_;
};

// RLIMIT_FSIZE in every size below the output's: an error of write(), not the end of the process.
TEST_F(Outputs, FileSizeLimits) {
  ASSERT_EQ(quantize("-o out/full.onnx").exit_code, 0);
  const size_t size = slurp(dir_ / "out/full.onnx").size();
  spit(dir_ / "out/full.onnx", "old");
  for (size_t blocks = 0; blocks * 512 < size; ++blocks) {
    const ProcessResult r = quantize("-f -o out/full.onnx", fmt::format("ulimit -f {}; ", blocks));
    EXPECT_EQ(r.exit_code, 6) << r.err;
    EXPECT_THAT(r.err, HasSubstr("full.onnx"));
    EXPECT_EQ(slurp(dir_ / "out/full.onnx"), "old");
    EXPECT_EQ(left(), std::vector<std::string>{"full.onnx"});
  }
}

// A disk that is really full (a file system of 64 KiB in a mount namespace of its own, where that is
// allowed).
TEST_F(Outputs, FullDisk) {
  const std::string mount = "mount -t tmpfs -o size=8k none out && ";
  if (shell(dir_, "unshare -rm sh -c '" + mount + "true'").exit_code != 0)
    GTEST_SKIP() << "unshare may not make a mount namespace with a tmpfs here";
  const ProcessResult r = shell(dir_, "unshare -rm sh -c '" + mount +
                                          "head -c 8192 /dev/zero > out/filler && precis quantize mlp.onnx "
                                          "--calib rows.npy --no-bench -q -o out/out.onnx; "
                                          "echo code $?; ls -A out'");
  EXPECT_THAT(r.out, HasSubstr("code 6"));
  EXPECT_THAT(r.out, HasSubstr("filler"));
  EXPECT_THAT(r.out, testing::Not(HasSubstr("out.onnx")));
  EXPECT_THAT(r.out, testing::Not(HasSubstr(".precis-tmp")));
  EXPECT_THAT(r.err, HasSubstr("bytes needed"));
}

TEST_F(Outputs, FoldersThatAreNotThereOrNotWritable) {
  EXPECT_EQ(quantize("-o nowhere/out.onnx").exit_code, 6);
  EXPECT_EQ(quantize("-o mlp.onnx/out.onnx").exit_code, 6);
  EXPECT_FALSE(exists(dir_ / "nowhere"));
  // /proc takes no files, not even from root.
  const ProcessResult r = quantize("-o /proc/self/out.onnx");
  EXPECT_EQ(r.exit_code, 6);
  EXPECT_THAT(r.err, HasSubstr("/proc/self"));
}

TEST_F(Outputs, ReadOnlyFolder) {
  const std::string command =
      "mount -t tmpfs none out && mount -o remount,ro out && precis quantize mlp.onnx --calib rows.npy "
      "--no-bench -q "
      "-o out/out.onnx; echo code $?";
  if (shell(dir_, "unshare -rm sh -c 'mount -t tmpfs none out'").exit_code != 0)
    GTEST_SKIP() << "unshare may not make a mount namespace with a tmpfs here";
  const ProcessResult r = shell(dir_, "unshare -rm sh -c '" + command + "'");
  EXPECT_THAT(r.out, HasSubstr("code 6"));
  EXPECT_THAT(r.err, HasSubstr("Read-only file system"));
}

TEST_F(Outputs, SpecialNames) {
  EXPECT_EQ(quantize("-o ''").exit_code, 2);
  EXPECT_EQ(quantize("-o out").exit_code, 2);
  EXPECT_EQ(quantize("-o out/").exit_code, 2);
  ::mkfifo((dir_ / "pipe").c_str(), 0600);
  EXPECT_EQ(quantize("-f -o pipe").exit_code, 2);
  EXPECT_EQ(quantize("-f -o /dev/null").exit_code, 2);
  EXPECT_TRUE(left().empty());
}

// The permissions are those of the umask, never wider.
TEST_F(Outputs, Permissions) {
  ASSERT_EQ(quantize("-o out/private.onnx", "umask 077; ").exit_code, 0);
  ASSERT_EQ(quantize("-o out/shared.onnx", "umask 022; ").exit_code, 0);
  EXPECT_EQ(shell(dir_, "stat -c %a out/private.onnx out/shared.onnx").out, "600\n644\n");
}

TEST_F(Outputs, OtherFilesOfTheCommands) {
  EXPECT_EQ(shell(dir_, "precis run mlp.onnx --data few.npy -o mlp.onnx").exit_code, 6);
  EXPECT_EQ(shell(dir_, "ulimit -f 0; precis run mlp.onnx --data few.npy -q -o out").exit_code, 6);
  EXPECT_TRUE(left().empty());
  EXPECT_EQ(shell(dir_, "precis inspect mlp.onnx --json=nowhere/i.json").exit_code, 6);
  EXPECT_EQ(quantize("--save-ranges nowhere/r --dry-run").exit_code, 6);
  EXPECT_EQ(quantize("--save-ranges rows.npy --dry-run").exit_code, 2);
  EXPECT_EQ(
      shell(dir_, "TMPDIR=/nowhere precis eval mlp.onnx --data few.npy --metric-cmd 'echo 1'").exit_code, 6);
}

TEST_F(Outputs, TwoRunsAtOnceLastOneWinsWhole) {
  ASSERT_EQ(quantize("-o out/one.onnx").exit_code, 0);
  const std::string whole = slurp(dir_ / "out/one.onnx");
  const std::string run =
      "precis quantize mlp.onnx --calib rows.npy --no-bench --progress none -q -f -o out/one.onnx";
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(shell(dir_, run + " & " + run + " && wait").exit_code, 0);
    EXPECT_EQ(slurp(dir_ / "out/one.onnx"), whole);
    EXPECT_EQ(left(), std::vector<std::string>{"one.onnx"});
  }
}

}  // namespace
}  // namespace precis::test
