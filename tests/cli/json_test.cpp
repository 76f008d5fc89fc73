// The documents of --json: the fields that scripts rely on, their kinds and their sense (docs/json.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/workspace.h"
#include "tests/support/files.h"
#include "tests/support/process.h"

namespace precis::test {
namespace {

using nlohmann::json;

class Documents : public testing::Test {
 protected:
  Documents() { fill_workspace(dir_); }

  // Standard output is exactly one document, whatever the exit code.
  json document(const std::string& command, int exit_code = 0) {
    const ProcessResult r = shell(dir_, command);
    EXPECT_EQ(r.exit_code, exit_code) << r.out << r.err;
    return parse(r.out);
  }
  json parse(const std::string& text) {
    json j = json::parse(text, nullptr, false);
    EXPECT_FALSE(j.is_discarded()) << text;
    return j;
  }
  void expect_numbers(const json& j, const std::vector<std::string>& keys) {
    for (const std::string& key : keys)
      EXPECT_TRUE(j.contains(key) && j[key].is_number()) << key << " in " << j;
  }
  void expect_rate(const json& j, const std::string& key) {
    ASSERT_TRUE(j.contains(key) && j[key].is_number()) << key << " in " << j;
    EXPECT_GE(j[key].get<double>(), 0.0);
    EXPECT_LE(j[key].get<double>(), 1.0);
  }

  TempDir dir_;
};

TEST_F(Documents, Eval) {
  const json j = document("precis eval mlp.onnx --data rows.npy --labels labels.csv --json");
  EXPECT_EQ(j["schema"], "precis.eval/1");
  EXPECT_EQ(j["samples"], 64);
  EXPECT_EQ(j["labelled"], 64);
  expect_rate(j["metrics"], "top1");
  expect_rate(j["metrics"], "top5");
  EXPECT_DOUBLE_EQ(j["metrics"]["top1"].get<double>(), j["metrics"]["top1_count"].get<double>() / 64);
  EXPECT_EQ(j["metrics"]["top1_interval_95"].size(), 2u);
  expect_numbers(j, {"threads", "seconds", "peak_rss_bytes"});
}

TEST_F(Documents, Simplify) {
  const json j = document("precis simplify foldable.onnx -o simple.onnx --json");
  EXPECT_EQ(j["schema"], "precis.simplify/1");
  EXPECT_EQ(j["outcome"], "written");
  EXPECT_EQ(j["output"]["sha256"].get<std::string>().size(), 64u);
  for (const char* side : {"before", "after"})
    expect_numbers(j[side], {"bytes", "nodes", "macs", "parameters", "weight_bytes", "opset"});
  EXPECT_EQ(j["before"]["nodes"], 4);
  EXPECT_EQ(j["after"]["nodes"], 1);
  EXPECT_EQ(j["passes"]["fold_batch_norm"], 1);
  EXPECT_EQ(j["equality"]["samples"], 4);
  EXPECT_EQ(j["equality"]["outputs"][0]["name"], "y");
  expect_rate(j["equality"]["outputs"][0], "difference");
  const json list = document("precis simplify --list --json");
  EXPECT_EQ(list["schema"], "precis.passes/1");
  EXPECT_EQ(list["passes"][0]["default"], true);
}

TEST_F(Documents, Bench) {
  const json j = document("precis bench mlp.onnx --seconds 0.05 -t 1 --json");
  EXPECT_EQ(j["schema"], "precis.bench/1");
  EXPECT_EQ(j["threads"], 1);
  expect_numbers(j, {"median_ms", "p90_ms", "p99_ms", "mean_ms", "sd_ms", "min_ms", "runs", "seconds",
                     "peak_rss_bytes"});
  EXPECT_LE(j["min_ms"].get<double>(), j["median_ms"].get<double>());
  EXPECT_LE(j["median_ms"].get<double>(), j["p90_ms"].get<double>());
  EXPECT_GE(j["runs"].get<int>(), 20);
}

TEST_F(Documents, BenchOfTwo) {
  const json j = document("precis bench mlp.onnx --compare mlp.onnx --seconds 0.05 --json");
  expect_numbers(j["compare"], {"median_ms", "p90_ms", "threads", "ratio"});
  EXPECT_EQ(j["compare"]["model"], "mlp.onnx");
  EXPECT_EQ(j["compare"]["ratio_middle_half"].size(), 2u);
}

TEST_F(Documents, Compare) {
  const json j = document("precis compare mlp.onnx mlp.onnx --data few.npy --layers --json");
  EXPECT_EQ(j["schema"], "precis.compare/1");
  EXPECT_EQ(j["samples"], 4);
  ASSERT_EQ(j["outputs"].size(), 1u);
  EXPECT_EQ(j["outputs"][0]["name"], "y");
  EXPECT_EQ(j["outputs"][0]["sqnr_db"], 300);
  EXPECT_EQ(j["outputs"][0]["max_abs"], 0);
  EXPECT_NEAR(j["outputs"][0]["cosine"].get<double>(), 1, 1e-6);
  EXPECT_EQ(j["top1_agreement"], 1);
  EXPECT_EQ(j["layers"].size(), 3u);
}

TEST_F(Documents, Quantize) {
  const json j = document(
      "precis quantize mlp.onnx --calib rows.npy,count=32 --data rows.npy,rows=32:64 --labels labels.csv "
      "--set last.quantize=false -o out.onnx --json "
      "2> err");
  EXPECT_EQ(j["schema"], "precis.quantize/1");
  EXPECT_EQ(j["outcome"], "written");
  EXPECT_EQ(j["input"]["bytes"], slurp(dir_ / "mlp.onnx").size());
  EXPECT_EQ(j["output"]["bytes"], slurp(dir_ / "out.onnx").size());
  EXPECT_EQ(j["output"]["sha256"].get<std::string>().size(), 64u);
  for (const char* side : {"before", "after"}) {
    expect_rate(j[side], "top1");
    expect_numbers(j[side], {"samples"});
    expect_numbers(j[side]["latency"], {"median_ms", "p90_ms"});
  }
  ASSERT_FALSE(j["skipped"].empty());
  const json last = j["skipped"].back();
  EXPECT_EQ(last["node"], "fc2");
  EXPECT_EQ(last["reason"], "left in float by a rule");
  EXPECT_NEAR(last["byte_share"].get<double>(), 1.0 / 3, 1e-6);
  EXPECT_NEAR(last["mac_share"].get<double>(), 1.0 / 3, 1e-6);
  expect_numbers(j, {"seconds", "peak_rss_bytes", "calibration_samples", "quantized_nodes"});
  expect_numbers(j["latency_ratio"], {"after_over_before"});
}

TEST_F(Documents, BesideTheText) {
  const ProcessResult r = shell(dir_, "precis eval mlp.onnx --data few.npy --json=e.json --progress none");
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, testing::StartsWith("mlp.onnx: 4 samples\n"));
  EXPECT_EQ(parse(slurp(dir_ / "e.json"))["samples"], 4);
  EXPECT_EQ(shell(dir_, "precis eval mlp.onnx --data few.npy --quiet --json=e.json").out, "");
}

TEST_F(Documents, Doctor) {
  const json j = document("precis doctor --json");
  EXPECT_EQ(j["schema"], "precis.doctor/1");
  for (const char* key : {"version", "cpu", "isa"}) EXPECT_TRUE(j[key].is_string()) << key;
  EXPECT_NE(j["cpu"], "unknown");
  expect_numbers(j, {"cores", "threads", "memory_bytes"});
  EXPECT_TRUE(j["libraries"].contains("oneDNN"));
}

TEST_F(Documents, Errors) {
  const json j = document("precis eval missing.onnx --data few.npy --json", 6);
  EXPECT_EQ(j["schema"], "precis.error/1");
  EXPECT_EQ(j["code"], 6);
  EXPECT_THAT(j["message"].get<std::string>(), testing::HasSubstr("missing.onnx"));
}

// Names come from files: whatever they hold, the document stays one document of valid UTF-8.
TEST_F(Documents, HoldNamesOfAnyBytes) {
  const json j = document("precis check $(printf 'a\\377b').onnx --json", 6);
  EXPECT_TRUE(j["message"].is_string());
}

}  // namespace
}  // namespace precis::test
