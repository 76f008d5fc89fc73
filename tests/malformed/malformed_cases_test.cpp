// Every malformed case, through the library: exactly one precis::Error with the right code and a message that
// names what was found, in little time; cases that are strange but valid are read and checked without
// complaint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "precis/core/limits.h"
#include "precis/graph/validate.h"
#include "precis/onnx/onnx_io.h"
#include "tests/malformed/malformed_case.h"

namespace precis::test {
namespace {

class Malformed : public testing::TestWithParam<MalformedCase> {
 protected:
  Malformed() : before_(limits()) {
    Limits changed = before_;
    if (GetParam().max_memory != 0) changed.max_memory = GetParam().max_memory;
    set_limits(changed);
  }
  ~Malformed() override { set_limits(before_); }

 private:
  Limits before_;
};

void read_and_check(const std::string& path, bool follow_links) {
  onnx_io::ReadOptions options;
  options.links = follow_links ? Links::kFollow : Links::kRefuse;
  validate(onnx_io::read_model(path, options).model);
}

TEST_P(Malformed, IsAnsweredAsItShould) {
  const MalformedCase& c = GetParam();
  const TempDir dir;
  const std::string path = c.make(dir);
  const auto begin = std::chrono::steady_clock::now();
  ErrorCode code = kAccepted;
  std::string message;
  try {
    read_and_check(path, c.follow_links);
  } catch (const Error& e) {
    code = e.code();
    message = e.what();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(code, c.code) << message;
  EXPECT_THAT(message, testing::HasSubstr(c.fragment));
  EXPECT_LT(took.count(), c.limit_seconds);
  EXPECT_LT(message.size(), 1500u);  // a sentence, not a dump
  for (char ch : message)
    EXPECT_TRUE(static_cast<unsigned char>(ch) >= 0x20) << "control character in: " << message;
}

INSTANTIATE_TEST_SUITE_P(Cases, Malformed, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return info.param.id; });

TEST(MalformedCases, AreManyAndNamedOnce) {
  std::set<std::string> ids;
  for (const MalformedCase& c : all_cases()) EXPECT_TRUE(ids.insert(c.id).second) << c.id;
  EXPECT_GE(ids.size(), 200u);
}

}  // namespace

}  // namespace precis::test
