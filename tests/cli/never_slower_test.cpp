// --never-slower: layers that int8 makes slower stay float, the report says so with the reason, and the
// choices are in the recipe: replayed, it gives the same bytes without timing anything.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/workspace.h"
#include "tests/support/files.h"
#include "tests/support/process.h"

namespace precis::test {
namespace {

TEST(NeverSlower, ChoicesAreReportedAndReplayed) {
  if (!has_fashion_mnist()) GTEST_SKIP() << "no Fashion-MNIST here (package dataset-fashion-mnist)";
  const TempDir dir;
  fill_workspace(dir);
  // The scalar int8 kernels lose against float on any machine, so there is something to choose.
  const std::string quantize =
      "PRECIS_FORCE_ISA=scalar precis quantize net.onnx --calib fashion/train-images-idx3-ubyte.gz,count=8 "
      "--no-bench --progress none ";
  ProcessResult r = shell(dir, quantize + "--never-slower -o chosen.onnx --json");
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const auto report = nlohmann::json::parse(r.out);
  ASSERT_TRUE(report.contains("left_float_because_slower"));
  const std::string recipe = report["recipe"];
  for (const auto& layer : report["left_float_because_slower"]) {
    const std::string name = layer;
    EXPECT_THAT(recipe, testing::HasSubstr(name + ".quantize=false"));
    std::string reason;
    for (const auto& skipped : report["skipped"])
      if (skipped["node"] == name) reason = skipped["reason"];
    EXPECT_THAT(reason, testing::HasSubstr("x the time of float on this machine")) << name;
  }

  spit(dir / "chosen.yaml", recipe);
  r = shell(dir, quantize + "--recipe chosen.yaml -o replayed.onnx -q");
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(slurp(dir / "chosen.onnx"), slurp(dir / "replayed.onnx"));
  // The model itself carries its recipe.
  EXPECT_THAT(slurp(dir / "chosen.onnx"), testing::HasSubstr(recipe));
}

}  // namespace
}  // namespace precis::test
