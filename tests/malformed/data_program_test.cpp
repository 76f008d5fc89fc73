// The data cases through the program, as judging data and as calibration data: the exit code, a sentence that
// names what was found, and no output, whole or half.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "precis/core/io.h"
#include "tests/malformed/data_case.h"
#include "tests/support/process.h"

namespace precis::test {
namespace {

std::vector<std::string> words_of(const std::string& flags) {
  std::vector<std::string> words;
  size_t at = 0;
  while (at < flags.size()) {
    const size_t end = std::min(flags.find(' ', at), flags.size());
    words.push_back(flags.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

class DataThroughProgram : public testing::TestWithParam<DataCase> {
 protected:
  DataThroughProgram() {
    write_data_models(dir_);
    GetParam().make(dir_);
  }
  ProcessResult precis(const std::string& command, const std::vector<std::string>& more) {
    std::vector<std::string> words = {PRECIS_PROGRAM, command, GetParam().model, "--threads", "1",
                                      "--progress",   "none"};
    words.insert(words.end(), more.begin(), more.end());
    for (const std::string& w : words_of(GetParam().flags)) words.push_back(w);
    ProcessOptions options;
    options.folder = dir_.path();
    return run_process(words, options);
  }
  void expect_answer(const ProcessResult& r) {
    const DataCase& c = GetParam();
    EXPECT_EQ(r.signal, 0);
    EXPECT_FALSE(r.timed_out);
    EXPECT_EQ(r.exit_code, static_cast<int>(c.code)) << r.out << r.err;
    EXPECT_THAT(r.out + r.err, testing::HasSubstr(c.fragment));
    if (c.code != kAccepted) {
      EXPECT_THAT(r.err, testing::HasSubstr("precis: "));
    }
    for (char ch : r.err) EXPECT_TRUE(static_cast<unsigned char>(ch) >= 0x20 || ch == '\n') << r.err;
  }
  TempDir dir_, out_;
};

TEST_P(DataThroughProgram, Eval) {
  if (GetParam().use == DataCase::Use::kCalibration) return;
  expect_answer(precis("eval", {"--data", GetParam().data}));
}

TEST_P(DataThroughProgram, Calibration) {
  if (GetParam().use == DataCase::Use::kEval) return;
  const ProcessResult r =
      precis("quantize", {"--calib", GetParam().data, "--no-bench", "-o", out_ / "out.onnx"});
  // Models this small may not gain from int8: that is said, too, and nothing is kept.
  if (GetParam().code == kAccepted && r.exit_code == static_cast<int>(ErrorCode::kBudget)) return;
  expect_answer(r);
  if (GetParam().code == kAccepted) return;
  EXPECT_TRUE(list_folder(out_.path()).empty());
}

INSTANTIATE_TEST_SUITE_P(Cases, DataThroughProgram, testing::ValuesIn(all_data_cases()),
                         [](const auto& info) { return info.param.id; });

TEST(DataCases, AreManyAndNamedOnce) {
  std::set<std::string> ids;
  for (const DataCase& c : all_data_cases()) EXPECT_TRUE(ids.insert(c.id).second) << c.id;
  EXPECT_GE(ids.size(), 100u);
}

}  // namespace
}  // namespace precis::test
