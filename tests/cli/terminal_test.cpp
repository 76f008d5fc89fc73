// What goes where: standard output carries the result only; progress is redrawn on a terminal and told in
// plain lines in a log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/workspace.h"
#include "tests/support/files.h"
#include "tests/support/process.h"

namespace precis::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Terminal : public testing::Test {
 protected:
  Terminal() { fill_workspace(dir_); }
  // The command on a terminal of its own; what it shows.
  std::string on_terminal(const std::string& command) {
    return shell(dir_, "TERM=xterm script -qec '" + command + "' /dev/null < /dev/null").out;
  }
  TempDir dir_;
};

TEST_F(Terminal, ShowsABarWithTheTimeLeft) {
  const std::string shown = on_terminal("precis eval mlp.onnx --data random,count=600000");
  EXPECT_THAT(shown, HasSubstr("\r\x1b[Kevaluate "));
  EXPECT_THAT(shown, HasSubstr(" left"));
  EXPECT_THAT(shown, HasSubstr("\r\x1b[Kmlp.onnx: 600000 samples"));  // the bar is gone before the result
}

TEST_F(Terminal, IsPutRightAfterAnInterrupt) {
  const std::string shown = on_terminal(
      "timeout --foreground --preserve-status -s INT 1 precis eval mlp.onnx --data random,count=9000000");
  EXPECT_THAT(shown, HasSubstr("\r\x1b[Kprecis: interrupted"));
}

TEST_F(Terminal, DumbOnesGetLines) {
  const std::string shown = shell(dir_,
                                  "TERM=dumb script -qec 'precis eval mlp.onnx --data random,count=500' "
                                  "/dev/null < /dev/null")
                                .out;
  EXPECT_THAT(shown, HasSubstr("evaluate "));
  EXPECT_THAT(shown, Not(HasSubstr("\x1b")));
}

TEST_F(Terminal, LogsGetFewPlainLines) {
  const ProcessResult r = shell(dir_, "precis eval mlp.onnx --data random,count=5000");
  EXPECT_THAT(r.err, testing::StartsWith("evaluate "));
  EXPECT_THAT(r.err, Not(HasSubstr("\x1b")));
  EXPECT_LE(std::count(r.err.begin(), r.err.end(), '\n'), 2 + r.seconds / 2);
  EXPECT_THAT(r.out, Not(HasSubstr("evaluate")));
}

TEST_F(Terminal, ProgressCanBeChosenOrOff) {
  EXPECT_THAT(shell(dir_, "precis eval mlp.onnx --data few.npy --progress bar").err,
              HasSubstr("\r\x1b[Kevaluate 4/4"));
  EXPECT_EQ(shell(dir_, "precis eval mlp.onnx --data few.npy --progress none").err, "");
  EXPECT_EQ(shell(dir_, "precis eval mlp.onnx --data few.npy -q").err, "");
}

TEST_F(Terminal, OutputThatCannotBeWrittenIsAnError) {
  EXPECT_EQ(shell(dir_, "precis inspect mlp.onnx > /dev/full").exit_code, 6);
  EXPECT_EQ(shell(dir_, "precis quantize --help > /dev/full").exit_code, 6);
  EXPECT_EQ(shell(dir_, "precis help data > /dev/full").exit_code, 6);
  EXPECT_EQ(shell(dir_, "precis doctor --json >&-").exit_code, 6);
  // A reader that goes early is not worth a word more than the exit code.
  const ProcessResult r =
      shell(dir_, "precis help data | true; precis inspect mlp.onnx < /dev/null | head -1");
  EXPECT_EQ(r.exit_code, 0);
}

// Numbers stay the same in other places of the world.
TEST_F(Terminal, EnvironmentDoesNotChangeResults) {
  const std::string command = " precis inspect mlp.onnx --json";
  const std::string plain = shell(dir_, command).out;
  for (const char* environment : {"LC_ALL=de_DE.UTF-8", "LANG=tr_TR.UTF-8 LC_ALL=", "env -u HOME",
                                  "TERM=", "TMPDIR=/nowhere", "TZ=Asia/Kolkata"})
    EXPECT_EQ(shell(dir_, environment + command).out, plain) << environment;
}

TEST_F(Terminal, Doctor) {
  const std::string text = shell(dir_, "precis doctor").out;
  for (const char* part :
       {"precis ", "  CPU ", "  kernels ", "usable", "oneDNN", "protobuf", "model file: 2.00 GiB"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(text, Not(HasSubstr("unknown")));
  EXPECT_THAT(shell(dir_, "PRECIS_FORCE_ISA=scalar precis doctor").out,
              HasSubstr("scalar (forced by PRECIS_FORCE_ISA)"));
  const ProcessResult wrong = shell(dir_, "PRECIS_FORCE_ISA=sse9 precis doctor");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("sse9"));
}

}  // namespace
}  // namespace precis::test
