// Promises of `precis quantize` that only a whole run can hold: results that do not depend on threads or on the run, and memory
// that does not grow with the samples.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "precis/core/io.h"
#include "precis/core/rng.h"
#include "precis/data/npy.h"
#include "precis/graph/text.h"
#include "precis/onnx/onnx_io.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace precis::test {
namespace {

using nlohmann::json;

// `size`: the picture's height and width, "48" or a symbol.
std::string net_text(const std::string& size) {
  return "graph net(x: f32[batch,3," + size + "," + size + "]) -> (y) {" + R"(
  w1: f32[8,3,5,5] = constant(normal, seed=1, scale=0.1)
  w2: f32[16,8,3,3] = constant(normal, seed=2, scale=0.2)
  w3: f32[10,16] = constant(normal, seed=3, scale=0.3)
  a = Conv(x, w1) {strides=[4,4]}
  r = Relu(a)
  b = Conv(r, w2) {strides=[2,2]}
  s = Relu(b)
  g = GlobalAveragePool(s)
  f = Flatten(g)
  y = Gemm(f, w3) {transB=1}
})";
}

void write_net(const std::string& path, const std::string& size = "48") {
  Model model;
  model.graph = parse_graph(net_text(size));
  onnx_io::write_model(model, path, {}, Overwrite::kReplace);
}

// Byte pictures, fed as they are, and a class for each.
void write_samples(const std::string& values, const std::string& labels, int64_t count, uint64_t seed) {
  Tensor x(DType::kU8, {count, 3, 48, 48}), y(DType::kI64, {count});
  Rng rng(seed, 0);
  for (uint8_t& v : x.data<uint8_t>()) v = static_cast<uint8_t>(rng.next_u32());
  for (int64_t& v : y.data<int64_t>()) v = static_cast<int64_t>(rng.below(10));
  data::write_npy(values, x, Overwrite::kReplace);
  data::write_npy(labels, y, Overwrite::kReplace);
}

// The bytes of a file, as text.
std::string contents(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path, 1u << 30);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Quantized {
  std::string model, ranges;
  json report;
};

class QuantizeProgram : public testing::Test {
 protected:
  void SetUp() override { write_net(dir_ / "net.onnx"); }

  Quantized quantize(const std::string& rows, int threads) {
    ProcessOptions options;
    options.timeout_seconds = 300;
    const ProcessResult r = run_process(
        {PRECIS_PROGRAM, "quantize", dir_ / "net.onnx", "--calib", (dir_ / "calib.npy") + rows, "--data",
         (dir_ / "data.npy") + rows + ",labels=" + (dir_ / "labels.npy"), "--preprocess", "raw", "-o", dir_ / "out.onnx", "-f", "--save-ranges",
         dir_ / "out.ranges", "--no-bench", "--progress", "none", "--threads", std::to_string(threads), "--json=" + (dir_ / "out.json")},
        options);
    EXPECT_EQ(r.exit_code, 0) << r.out << r.err;
    return {contents(dir_ / "out.onnx"), contents(dir_ / "out.ranges"), json::parse(contents(dir_ / "out.json"))};
  }

  TempDir dir_{TempDir::Place::kMemory};
};

// What is measured, not computed.
json without_measurements(json report) {
  for (const char* key : {"seconds", "stage_seconds", "peak_rss_bytes", "threads"}) report.erase(key);
  return report;
}

TEST_F(QuantizeProgram, ResultsAreTheSameForAllThreadsAndRuns) {
  write_samples(dir_ / "calib.npy", dir_ / "unused.npy", 70, 1);
  write_samples(dir_ / "data.npy", dir_ / "labels.npy", 90, 2);
  const Quantized first = quantize("", 1);
  for (const int threads : {1, 2, 4}) {
    const Quantized next = quantize("", threads);
    EXPECT_TRUE(next.model == first.model) << threads << " threads: another model";
    EXPECT_TRUE(next.ranges == first.ranges) << threads << " threads: other ranges";
    EXPECT_EQ(without_measurements(next.report), without_measurements(first.report)) << threads << " threads";
  }
}

// A network whose picture size is free is timed on the sizes of its data: with 1 x 1 pixels its kernels would not fit.
TEST_F(QuantizeProgram, FreeSizesAreTimedAsInTheData) {
  write_net(dir_ / "net.onnx", "size");
  write_samples(dir_ / "calib.npy", dir_ / "unused.npy", 8, 1);
  for (const bool never_slower : {false, true}) {
    std::vector<std::string> command = {PRECIS_PROGRAM, "quantize", dir_ / "net.onnx", "--calib", dir_ / "calib.npy", "--preprocess", "raw",
                                        "-o", dir_ / "out.onnx", "-f", "--progress", "none", "--json=" + (dir_ / "out.json")};
    if (never_slower) command.push_back("--never-slower");
    const ProcessResult r = run_process(command);
    ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
    const json report = json::parse(contents(dir_ / "out.json"));
    EXPECT_GT(report["before"]["latency"]["median_ms"].get<double>(), 0) << report.dump();
  }
}

TEST_F(QuantizeProgram, MemoryDoesNotGrowWithTheSamples) {
  constexpr uint64_t kMiB = 1u << 20;
  constexpr int64_t kSamples = 10000;  // 66 MiB as bytes, 264 MiB as floats: holding either would show
  write_samples(dir_ / "calib.npy", dir_ / "unused.npy", kSamples, 1);
  write_samples(dir_ / "data.npy", dir_ / "labels.npy", kSamples, 2);
  const uint64_t few = quantize(",rows=0:100", 2).report["peak_rss_bytes"];
  const uint64_t many = quantize("", 2).report["peak_rss_bytes"];
  EXPECT_LE(many, few + 64 * kMiB) << few / kMiB << " MiB for 100 samples, " << many / kMiB << " MiB for " << kSamples;
}

}  // namespace
}  // namespace precis::test
