// C21 to C24 through the whole of quantize: weights that hold no number are refused by name; weights that are
// only strange give a model that runs and stays finite.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "precis/core/rng.h"
#include "tests/cli/workspace.h"
#include "tests/malformed/op_bytes.h"
#include "tests/support/files.h"
#include "tests/support/process.h"

namespace precis::test {
namespace {

constexpr int64_t kRows = 16, kColumns = 64;

std::vector<float> usual() {
  Rng rng(21);
  std::vector<float> w(kRows * kColumns);
  for (float& x : w) x = rng.uniform(-1.0f, 1.0f);
  return w;
}

// x[N,16] -> MatMul(w) -> Relu -> y
void write_model(const TempDir& dir, const std::vector<float>& w) {
  const std::string row = bytes(1, bytes(2, "N")) + bytes(1, number(1, kRows));
  spit(dir / "m.onnx", model(bytes(11, bytes(1, "x") + bytes(2, bytes(1, number(1, 1) + bytes(2, row)))) +
                             declare(floats("w", {kRows, kColumns}, w)) +
                             in_node(node("MatMul", {"x", "w"}, {"h"}, bytes(3, "fc"))) +
                             in_node(node("Relu", {"h"}, {"y"})) + bytes(12, bytes(1, "y"))));
}

ProcessResult quantize(const TempDir& dir, const std::string& more = "") {
  return shell(
      dir, "precis quantize m.onnx --calib random,count=8 --no-bench --progress none -o out.onnx " + more);
}

TEST(ExtremeWeights, ThatAreNoNumbersAreRefused) {
  for (const float bad :
       {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    const TempDir dir;
    std::vector<float> w = usual();
    w[100] = bad;
    write_model(dir, w);
    const ProcessResult r = quantize(dir);
    EXPECT_EQ(r.exit_code, 3) << r.out << r.err;
    EXPECT_THAT(r.err, testing::HasSubstr("node 'fc' (MatMul): the weight at index 100")) << bad;
    EXPECT_FALSE(exists(dir / "out.onnx"));
  }
}

struct Strange {
  const char* name;
  void (*make)(std::vector<float>& w);
};

class StrangeWeights : public testing::TestWithParam<Strange> {};

TEST_P(StrangeWeights, GiveAModelThatRuns) {
  const TempDir dir;
  std::vector<float> w = usual();
  GetParam().make(w);
  write_model(dir, w);
  for (const std::string flags :
       {"", "-f --per-tensor", "-f --target tensorrt", "-f --format qoperator", "-f --isa-safe"}) {
    const ProcessResult r = quantize(dir, flags);
    EXPECT_EQ(r.exit_code, 0) << flags << "\n" << r.out << r.err;
  }
  const ProcessResult check = shell(dir, "precis check out.onnx");
  EXPECT_EQ(check.exit_code, 0) << check.out;
  const ProcessResult compared =
      shell(dir, "precis compare m.onnx out.onnx --data random,count=4,seed=9 --json --progress none");
  EXPECT_EQ(compared.exit_code, 0) << compared.err;
  EXPECT_THAT(compared.out, testing::Not(testing::HasSubstr("null")));
}

INSTANTIATE_TEST_SUITE_P(
    All, StrangeWeights,
    testing::Values(
        Strange{"C21_minus_zero_and_subnormal",
                [](std::vector<float>& w) { w[0] = -0.0f, w[1] = std::numeric_limits<float>::denorm_min(); }},
        Strange{"C21_all_subnormal",
                [](std::vector<float>& w) {
                  for (float& x : w) x *= 1e-40f;
                }},
        Strange{"C22_all_zero", [](std::vector<float>& w) { w.assign(w.size(), 0.0f); }},
        Strange{"C22_one_zero_channel",
                [](std::vector<float>& w) {
                  for (size_t i = 0; i < w.size(); i += kColumns) w[i] = 0;
                }},
        Strange{"C23_one_value_in_a_channel",
                [](std::vector<float>& w) {
                  for (size_t i = kColumns; i < w.size(); i += kColumns) w[i] = 0;
                }},
        Strange{"C24_channels_of_76_decades",
                [](std::vector<float>& w) {
                  for (size_t i = 0; i < w.size(); ++i)
                    w[i] *= static_cast<float>(std::pow(10.0, static_cast<double>(i % kColumns) - 32));
                }},
        Strange{"C24_all_equal", [](std::vector<float>& w) { w.assign(w.size(), 0.5f); }}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace precis::test
