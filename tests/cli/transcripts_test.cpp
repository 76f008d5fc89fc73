// Every transcript of tests/cli/transcripts: same output, same errors, same exit codes, same files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "precis/core/isa.h"
#include "tests/cli/transcript.h"
#include "tests/cli/workspace.h"
#include "tests/support/files.h"

namespace precis::test {
namespace {

namespace fs = std::filesystem;

std::string folder() { return std::string(PRECIS_SOURCE_DIR) + "/tests/cli/transcripts"; }

std::vector<std::string> transcripts() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder())) names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

class Transcript : public testing::TestWithParam<std::string> {};

TEST_P(Transcript, IsWhatTheProgramSays) {
  if (cpu_isa() < Isa::kAvx2) GTEST_SKIP() << "the transcripts were made with AVX2";
  const std::string path = folder() + "/" + GetParam() + ".txt", text = slurp(path);
  if (text.find("fashion/") != std::string::npos && !has_fashion_mnist())
    GTEST_SKIP() << "no Fashion-MNIST here (package dataset-fashion-mnist)";
  const TempDir dir;
  fill_workspace(dir);
  std::vector<Step> steps = parse_transcript(text);
  ASSERT_FALSE(steps.empty());
  const bool refresh = std::getenv("PRECIS_REFRESH") != nullptr;
  for (Step& step : steps) {
    const std::string seen = run_step(step, dir.path(), program());
    if (refresh) step.expected = seen;
    EXPECT_EQ(seen, step.expected) << "after $ " << step.command;
  }
  if (refresh) spit(path, print_transcript(steps));
}

INSTANTIATE_TEST_SUITE_P(Cli, Transcript, testing::ValuesIn(transcripts()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace precis::test
