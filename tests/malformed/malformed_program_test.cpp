// The malformed cases through the program: the exit code and the sentence on standard error are the promise,
// and no output file appears, whole or half.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "precis/core/io.h"
#include "tests/malformed/malformed_case.h"
#include "tests/support/process.h"

namespace precis::test {
namespace {

class MalformedProgram : public testing::TestWithParam<MalformedCase> {
 protected:
  ProcessResult precis(const std::string& command, const std::string& model,
                       std::vector<std::string> more = {}) {
    std::vector<std::string> words = {PRECIS_PROGRAM, command, model, "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    if (GetParam().follow_links) words.push_back("--follow-links");
    if (GetParam().max_memory != 0)
      words.insert(words.end(), {"--max-memory", std::to_string(GetParam().max_memory)});
    return run_process(words);
  }
};

TEST_P(MalformedProgram, CheckAnswersWithTheExitCode) {
  const MalformedCase& c = GetParam();
  const TempDir dir;
  const ProcessResult r = precis("check", c.make(dir));
  EXPECT_EQ(r.signal, 0);
  EXPECT_FALSE(r.timed_out);
  EXPECT_EQ(r.exit_code, static_cast<int>(c.code)) << r.out << r.err;
  EXPECT_THAT(r.out + r.err, testing::HasSubstr(c.fragment));
}

TEST_P(MalformedProgram, QuantizeRefusesAndWritesNothing) {
  const MalformedCase& c = GetParam();
  if (c.code == kAccepted) return;  // not every valid graph can be quantized
  const TempDir dir, out;
  const ProcessResult r = precis("quantize", c.make(dir), {"--calib", "random", "-o", out / "out.onnx"});
  EXPECT_EQ(r.signal, 0);
  EXPECT_FALSE(r.timed_out);
  EXPECT_EQ(r.exit_code, static_cast<int>(c.code)) << r.out << r.err;
  EXPECT_THAT(r.err, testing::HasSubstr(c.fragment));
  EXPECT_THAT(r.err, testing::StartsWith("precis: "));
  EXPECT_TRUE(list_folder(out.path()).empty());
}

INSTANTIATE_TEST_SUITE_P(Cases, MalformedProgram, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return info.param.id; });

}  // namespace
}  // namespace precis::test
