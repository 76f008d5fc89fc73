// External data: what is read, and what is refused (docs/reliability.md, D).
#include "precis/onnx/external_data.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "onnx_bytes.h"
#include "precis/onnx/onnx_io.h"
#include "precis/onnx/sha1.h"
#include "tests/support/expect_error.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tensor_compare.h"

namespace precis::onnx_io {
namespace {

using namespace precis::test;
using Entries = std::vector<std::pair<std::string, std::string>>;

// A folder with "w.bin" (three floats: 1, 2, 3) and models whose initializer "w" is external f32[2].
class External : public testing::Test {
 protected:
  External() { spit(dir_ / "w.bin", raw<float>({1, 2, 3})); }

  ReadResult read(const Entries& entries, Links links = Links::kRefuse) {
    spit(dir_ / "m.onnx", model_with(dims({2}) + data_type(1) + external(entries)));
    ReadOptions options;
    options.links = links;
    return read_model(dir_ / "m.onnx", options);
  }
  void refuse(const Entries& entries, const char* fragment, ErrorCode code = ErrorCode::kMalformed) {
    EXPECT_ERROR(read(entries), code, fragment);
    EXPECT_ERROR(read(entries), code, "initializer 'w'");
  }
  void refuse_location(const std::string& location, const char* fragment) {
    refuse({{"location", location}, {"length", "8"}}, fragment);
  }

  TempDir dir_;
};

TEST_F(External, ReadsARange) {
  const ReadResult r = read({{"location", "w.bin"}, {"offset", "4"}, {"length", "8"}});
  EXPECT_TRUE(tensors_equal(*r.model.graph.constant(r.model.graph.find_value("w")),
                            Tensor::from<float>(Shape{2}, {2, 3})));
  EXPECT_EQ(r.external_files, std::vector<std::string>{"w.bin"});
  EXPECT_EQ(r.bytes, slurp(dir_ / "m.onnx").size() + 12);
}

TEST_F(External, LengthAndOffsetAreOptional) {
  EXPECT_NO_THROW(read({{"location", "w.bin"}, {"offset", "4"}}));
  refuse({{"location", "w.bin"}}, "expected exactly 8");
}

TEST_F(External, SubfoldersAreFine) {
  ASSERT_EQ(mkdir((dir_ / "sub").c_str(), 0700), 0);
  spit(dir_ / "sub/w.bin", raw<float>({1, 2}));
  EXPECT_NO_THROW(read({{"location", "sub/w.bin"}}));
}

TEST_F(External, ModelsFromMemoryHaveNone) {
  const std::string m = model_with(dims({2}) + data_type(1) + external({{"location", "w.bin"}}));
  EXPECT_ERROR(read_model_bytes(as_bytes(m)), ErrorCode::kMalformed, "its data lies in another file");
}

TEST_F(External, D01_to_D07_Locations) {
  refuse_location("../w.bin", "leaves the model's folder with '..'");
  refuse_location("a/../../w.bin", "leaves the model's folder with '..'");
  refuse_location("/etc/passwd", "is an absolute path");
  refuse_location("C:\\w.bin", "contains a backslash");
  refuse_location("\\\\host\\w.bin", "contains a backslash");
  refuse_location("a\\..\\..\\w.bin", "contains a backslash");
  refuse_location("C:w.bin", "names a drive");
  refuse_location("", "is empty");
  refuse_location(".", "is a folder");
  refuse_location(std::string("w.bin\0x", 7), "contains a NUL byte");
  refuse({{"length", "8"}}, "has no location");
}

TEST_F(External, D08_D09_D10_Links) {
  ASSERT_EQ(symlink("w.bin", (dir_ / "link.bin").c_str()), 0);
  ASSERT_EQ(mkdir((dir_ / "real").c_str(), 0700), 0);
  spit(dir_ / "real/w.bin", raw<float>({1, 2}));
  ASSERT_EQ(symlink("real", (dir_ / "folder").c_str()), 0);
  refuse_location("link.bin", "--follow-links");
  refuse_location("folder/w.bin", "--follow-links");
  EXPECT_NO_THROW(read({{"location", "link.bin"}, {"length", "8"}}, Links::kFollow));
  EXPECT_NO_THROW(read({{"location", "folder/w.bin"}}, Links::kFollow));
  ASSERT_EQ(link((dir_ / "w.bin").c_str(), (dir_ / "hard.bin").c_str()), 0);
  refuse_location("hard.bin", "2 hard links");
  EXPECT_NO_THROW(read({{"location", "hard.bin"}, {"length", "8"}}, Links::kFollow));
}

// D11: whoever swaps the file for a link between check and open gains nothing, since both are one call.
TEST_F(External, D11_RaceAgainstALink) {
  const TempDir outside;
  spit(outside / "secret.bin", raw<float>({666, 666}));
  spit(dir_ / "plain.bin", raw<float>({1, 2}));
  ASSERT_EQ(symlink((outside / "secret.bin").c_str(), (dir_ / "evil.bin").c_str()), 0);
  std::atomic<bool> stop = false;
  std::thread flipper([&] {
    while (!stop) {
      (void)symlink((outside / "secret.bin").c_str(), (dir_ / "a.bin").c_str());
      (void)rename((dir_ / "a.bin").c_str(), (dir_ / "flip.bin").c_str());
      (void)link((dir_ / "plain.bin").c_str(), (dir_ / "b.bin").c_str());
      (void)rename((dir_ / "b.bin").c_str(), (dir_ / "flip.bin").c_str());
    }
  });
  for (int i = 0; i < 500; ++i) {
    try {
      ExternalData data(dir_.path(), Links::kRefuse);
      const ExternalEntry entries[] = {{"location", "flip.bin"}, {"length", "8"}};
      EXPECT_NE(data.read(entries, DType::kF32, Shape{2}, "w").at_double(0), 666);
    } catch (const Error&) {
    }
  }
  stop = true;
  flipper.join();
}

TEST_F(External, D12_D13_D14_NotRegularFiles) {
  ASSERT_EQ(mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  refuse_location("fifo", "expected a regular file");
  ASSERT_EQ(mkdir((dir_ / "sub").c_str(), 0700), 0);
  refuse_location("sub", "expected a regular file");
  ASSERT_EQ(symlink("/proc/self/fd", (dir_ / "fds").c_str()), 0);
  EXPECT_THROW(read({{"location", "fds/0"}, {"length", "8"}}, Links::kFollow), Error);
}

TEST_F(External, D15_D16_Numbers) {
  for (const char* bad :
       {"-1", "x", "18446744073709551616", "1e3", " 4", "4 ", "+4", "", "0x4", "9223372036854775808"}) {
    refuse({{"location", "w.bin"}, {"offset", bad}, {"length", "8"}}, "expected a decimal number of bytes");
    refuse({{"location", "w.bin"}, {"length", bad}}, "expected a decimal number of bytes");
  }
  refuse({{"location", "w.bin"}, {"length", "4611686018427387904"}},
         "length is 4611686018427387904, expected 8 bytes");
}

TEST_F(External, D17_to_D20_Ranges) {
  refuse({{"location", "w.bin"}, {"offset", "13"}, {"length", "8"}},
         "offset 13 is beyond the end of 'w.bin' (12 bytes)");
  refuse({{"location", "w.bin"}, {"offset", "5"}, {"length", "8"}}, "needs 8 bytes from offset 5");
  refuse({{"location", "w.bin"}, {"offset", "9223372036854775807"}, {"length", "8"}}, "beyond the end");
  refuse({{"location", "w.bin"}, {"length", "12"}}, "length is 12, expected 8 bytes for f32[2]");
}

TEST_F(External, D21_D22_SharedRanges) {
  const auto two = [&](const char* a, const char* b) {
    const auto w = [&](const char* name, const char* offset) {
      return initializer(tensor_name(name) + dims({2}) + data_type(1) +
                         external({{"location", "w.bin"}, {"offset", offset}, {"length", "8"}}));
    };
    spit(dir_ / "m.onnx",
         model(w("v", a) + w("w", b) + graph_output("y", {2}) + in_node(node("Add", {"v", "w"}, {"y"}))));
    return read_model(dir_ / "m.onnx");
  };
  const ReadResult same = two("4", "4");
  ASSERT_EQ(same.warnings.size(), 1u);
  EXPECT_NE(same.warnings[0].find("share the same bytes of 'w.bin'"), std::string::npos);
  EXPECT_ERROR(two("0", "4"), ErrorCode::kMalformed, "overlap those of initializer 'v' (0 to 8)");
  EXPECT_ERROR(two("4", "0"), ErrorCode::kMalformed, "overlap those of initializer 'v' (4 to 12)");
}

TEST_F(External, D23_D24_Keys) {
  refuse({{"location", "w.bin"}, {"__class__", "x"}}, "unknown external data key '__class__'");
  refuse({{"location", "w.bin"}, {"location", "v.bin"}}, "key 'location' is given twice");
}

TEST_F(External, D25_Checksum) {
  Sha1 sha;
  sha.update(std::as_bytes(std::span("abc", 3)));
  EXPECT_EQ(sha.hex(), "a9993e364706816aba3e25717850c26c9cd0d89d");
  refuse({{"location", "w.bin"}, {"length", "8"}, {"checksum", std::string(40, '0')}},
         "has the SHA-1 checksum");
  Sha1 right;
  right.update(as_bytes(raw<float>({1, 2, 3})));
  EXPECT_NO_THROW(read({{"location", "w.bin"}, {"length", "8"}, {"checksum", right.hex()}}));
  EXPECT_EQ(read({{"location", "w.bin"}, {"length", "8"}, {"checksum", "crc:1"}}).warnings.size(), 1u);
}

TEST_F(External, D26_ManyFiles) {
  std::string graph, sum = "w0";
  for (int i = 0; i < 500; ++i) {
    const std::string name = "w" + std::to_string(i);
    spit(dir_ / (name + ".bin"), raw<float>({1, 2}));
    graph +=
        initializer(tensor_name(name) + dims({2}) + data_type(1) + external({{"location", name + ".bin"}}));
  }
  spit(dir_ / "m.onnx", model(graph + graph_output("y", {2}) + in_node(node("Add", {"w0", "w499"}, {"y"}))));
  EXPECT_EQ(read_model(dir_ / "m.onnx").external_files.size(), 500u);
}

TEST_F(External, D27_MissingFile) { refuse_location("nothing.bin", "put the file beside the model"); }

}  // namespace
}  // namespace precis::onnx_io
