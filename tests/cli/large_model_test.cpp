// A model of more than 2 GiB: read from external data, quantized where it can be, written through external
// data again, and read back. Its table is a sparse file, so that making it costs nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "precis/core/io.h"
#include "precis/core/rng.h"
#include "tests/cli/workspace.h"
#include "tests/malformed/op_bytes.h"
#include "tests/support/files.h"
#include "tests/support/process.h"

namespace precis::test {
namespace {

constexpr int64_t kTableRows = 2'200'000, kWidth = 256, kClasses = 8192;
constexpr uint64_t kTableBytes = uint64_t{kTableRows} * kWidth * 4;  // 2.25e9
constexpr uint64_t kNeeded = uint64_t{8} << 30;

uint64_t available_memory() {
  std::ifstream in("/proc/meminfo");
  for (std::string key, unit; in >> key;) {
    uint64_t kib = 0;
    in >> kib;
    std::getline(in, unit);
    if (key == "MemAvailable:") return kib * 1024;
  }
  return 0;
}

std::vector<float> some_floats(size_t count) {
  Rng rng(11);
  std::vector<float> v(count);
  for (float& x : v) x = rng.uniform(-1.0f, 1.0f);
  return v;
}

// ids [N] -> Gather(table) -> MatMul(w) -> y; table and w in table.bin.
void write_large_model(const TempDir& dir) {
  const uint64_t w_bytes = uint64_t{kWidth} * kClasses * 4;
  spit(dir / "table.bin", raw(some_floats(kWidth * 64)));  // the first 64 rows; zeros behind
  ASSERT_EQ(::truncate((dir / "table.bin").c_str(), static_cast<off_t>(kTableBytes)), 0);
  spit(dir / "w.bin", raw(some_floats(kWidth * kClasses)));
  const auto tensor = [](const char* name, std::vector<int64_t> shape, const char* file, uint64_t bytes) {
    return initializer(tensor_name(name) + dims(shape) + data_type(kFloatType) +
                       external({{"location", file}, {"length", std::to_string(bytes)}}));
  };
  std::string g = bytes(
      11, bytes(1, "ids") + bytes(2, bytes(1, number(1, kI64Type) + bytes(2, bytes(1, bytes(2, "N"))))));
  g += tensor("table", {kTableRows, kWidth}, "table.bin", kTableBytes) +
       tensor("w", {kWidth, kClasses}, "w.bin", w_bytes);
  g += in_node(node("Gather", {"table", "ids"}, {"e"}, bytes(3, "embed"))) +
       in_node(node("MatMul", {"e", "w"}, {"y"}, bytes(3, "head"))) + bytes(12, bytes(1, "y"));
  spit(dir / "large.onnx", model(g));
}

TEST(LargeModel, IsWrittenThroughExternalDataAndReadBack) {
  const TempDir dir;
  const uint64_t disk = std::filesystem::space(dir.path()).available, memory = available_memory();
  if (disk < kNeeded || memory < kNeeded)
    GTEST_SKIP() << fmt::format("needs 8 GiB of disk and memory; free are {} and {} MiB", disk >> 20,
                                memory >> 20);
  write_large_model(dir);

  ProcessResult r = shell(
      dir,
      "precis quantize large.onnx --calib random,count=8 --set embed.quantize=false --no-bench -o small.onnx",
      300);
  EXPECT_EQ(r.exit_code, 0) << r.out << r.err;
  std::string data_file;
  for (const std::string& name : list_folder(dir.path()))
    if (name.rfind("small.onnx.", 0) == 0) data_file = name;
  ASSERT_THAT(data_file, testing::MatchesRegex("small\\.onnx\\.[0-9a-f]*\\.data"));
  EXPECT_GT(std::filesystem::file_size(dir / data_file), kTableBytes);
  EXPECT_LT(std::filesystem::file_size(dir / "small.onnx"), 1u << 20);

  r = shell(dir, "precis inspect small.onnx");
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, testing::HasSubstr("i8 per channel: 2097152"));

  // Data behind a link is refused, with the way to allow it.
  std::filesystem::rename(dir / data_file, dir / "moved.data");
  std::filesystem::create_symlink("moved.data", dir / data_file);
  r = shell(dir, "precis check small.onnx");
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_THAT(r.out + r.err, testing::HasSubstr("--follow-links"));
}

}  // namespace
}  // namespace precis::test
