// File-level malformed inputs (docs/reliability.md, A): what the scan refuses before anything is parsed.
#include "precis/onnx/wire_scan.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "onnx_bytes.h"
#include "precis/core/limits.h"
#include "precis/onnx/onnx_io.h"
#include "tests/support/expect_error.h"
#include "tests/support/files.h"
#include "tests/support/limits_scope.h"
#include "tests/support/temp_dir.h"

namespace precis::onnx_io {
namespace {

using namespace precis::test;

std::string small_model() {
  return model(initializer(tensor_name("w") + dims({2}) + data_type(1) + float_data({1, 2})) +
               bytes(2, "net") + graph_input("x", {2}) + graph_output("y", {2}) +
               in_node(node("Add", {"x", "w"}, {"y"}, bytes(3, "add"))));
}

void read(const std::string& content) { read_model_bytes(as_bytes(content)); }

TEST(WireScan, AcceptsAModel) {
  const ReadResult r = read_model_bytes(as_bytes(small_model()));
  EXPECT_EQ(r.model.graph.order().size(), 1u);
  EXPECT_EQ(r.bytes, small_model().size());
}

TEST(WireScan, A01_A02_A03_NotAModelAtAll) {
  EXPECT_ERROR(read(""), ErrorCode::kMalformed, "is empty (0 bytes)");
  EXPECT_ERROR(read("\x08"), ErrorCode::kMalformed, "truncated");
  EXPECT_ERROR(read("some notes about a model\n"), ErrorCode::kMalformed, "is a text file, not a model");
}

TEST(WireScan, A04_A05_A06_A07_NotARegularFile) {
  const TempDir dir;
  EXPECT_ERROR(read_model(dir.path()), ErrorCode::kMalformed, "expected a regular file");
  ASSERT_EQ(mkfifo((dir / "fifo.onnx").c_str(), 0600), 0);
  EXPECT_ERROR(read_model(dir / "fifo.onnx"), ErrorCode::kMalformed, "expected a regular file");
  EXPECT_ERROR(read_model("/dev/zero"), ErrorCode::kMalformed, "expected a regular file");
  EXPECT_ERROR(read_model(dir / "missing.onnx"), ErrorCode::kIo, "does not exist");
}

TEST(WireScan, A10_TruncatedAnywhere) {
  const std::string whole = small_model();
  for (size_t n = 0; n < whole.size(); ++n) {
    try {
      read(whole.substr(0, n));
      ADD_FAILURE() << "accepted after " << n << " of " << whole.size() << " bytes";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kMalformed) << n << ": " << e.what();
    }
  }
}

TEST(WireScan, A11_AnyBitFlipped) {
  const std::string whole = small_model();
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    try {
      read(flipped);
    } catch (const Error& e) {
      EXPECT_NE(e.code(), ErrorCode::kInternal) << bit << ": " << e.what();
    }
  }
}

TEST(WireScan, A12_LongVarint) {
  EXPECT_ERROR(read(tag(1, 0) + std::string(10, '\x80') + '\x01'), ErrorCode::kMalformed,
               "varint of more than 10 bytes");
}

TEST(WireScan, A13_HugeLength) {
  EXPECT_ERROR(read(number(1, 8) + tag(7, 2) + varint(INT64_MAX)), ErrorCode::kMalformed, "truncated");
}

TEST(WireScan, A14_LengthBeyondItsParent) {
  const std::string graph = tag(1, 2) + varint(5);  // a node of 5 bytes at the end of a graph of 2
  EXPECT_ERROR(read(number(1, 8) + bytes(7, graph) + opset(13)), ErrorCode::kMalformed,
               "its message has 0 left");
}

TEST(WireScan, A15_WrongWireType) {
  EXPECT_ERROR(read(tag(1, 5) + "\x01\x02\x03\x04"), ErrorCode::kMalformed,
               "field 'ir_version' has wire type 32-bit, expected varint");
  EXPECT_ERROR(read(number(7, 3)), ErrorCode::kMalformed, "field 'graph' has wire type varint");
}

TEST(WireScan, A16_UnknownFields) {
  std::string many = small_model();
  for (int i = 0; i < 100'000; ++i) many += number(99, i);
  EXPECT_NO_THROW(read(many));
}

TEST(WireScan, A17_Groups) {
  EXPECT_ERROR(read(tag(99, 3) + number(1, 8)), ErrorCode::kMalformed, "is a group (group start)");
  EXPECT_ERROR(read(tag(99, 4)), ErrorCode::kMalformed, "is a group (group end)");
  EXPECT_ERROR(read(tag(99, 6)), ErrorCode::kMalformed, "unknown wire type 6");
}

TEST(WireScan, A18_FieldNumberZero) {
  EXPECT_ERROR(read(number(1, 8) + number(0, 1)), ErrorCode::kMalformed, "field number 0 does not exist");
}

TEST(WireScan, A19_TwoModelsInOneFile) {
  EXPECT_ERROR(read(small_model() + small_model()), ErrorCode::kMalformed,
               "two models seem to be written one after the other");
}

TEST(WireScan, A20_A21_MessagesThatGrowInMemory) {
  const LimitsScope scope;
  Limits low = limits();
  low.max_memory = 100u << 20;
  set_limits(low);
  std::string nodes, attributes;
  for (int i = 0; i < 2'000'000; ++i) {
    nodes += bytes(1, "");
    attributes += bytes(5, "");
  }
  EXPECT_ERROR(read(model(nodes)), ErrorCode::kLimit, "raise --max-memory");
  EXPECT_ERROR(read(model(in_node(attributes))), ErrorCode::kLimit, "raise --max-memory");
}

TEST(WireScan, EstimateCoversWhatTheMessagesTake) {
  std::string nodes, attributes;
  for (int i = 0; i < 1000; ++i) {
    nodes += bytes(1, "");
    attributes += bytes(5, "");
  }
  // Measured with the parser's classes: 143 bytes for an empty node, 267 for an empty attribute.
  EXPECT_GE(wire_scan(as_bytes(model(nodes)), MessageKind::kModel, "m").memory_bytes, 143'000u);
  EXPECT_GE(wire_scan(as_bytes(model(in_node(attributes))), MessageKind::kModel, "m").memory_bytes, 267'000u);
  // The parser keeps a function's defaults as unknown bytes, and the reader makes attributes of them.
  std::string defaults;
  for (int i = 0; i < 1000; ++i) defaults += bytes(11, "");
  EXPECT_GE(wire_scan(as_bytes(bytes(25, defaults)), MessageKind::kModel, "m").memory_bytes, 350'000u);
}

TEST(WireScan, A22_AMillionDimensions) {
  const std::string tensor = packed(1, std::vector<int64_t>(1'000'000, 1)) + data_type(1);
  EXPECT_ERROR(read(model_with(tensor)), ErrorCode::kMalformed, "rank 1000000, at most 16");
  EXPECT_ERROR(read(model_with(bytes(1, "\x80") + data_type(1))), ErrorCode::kMalformed,
               "goes beyond the field");
}

std::string nested_if(int depth) {
  std::string graph = graph_output("y", {}) + in_node(node("Identity", {"x"}, {"y"}));
  for (int i = 0; i < depth; ++i) {
    const std::string branches = attribute("then_branch", 5, bytes(6, graph));
    graph = graph_output("z" + std::to_string(i), {}) +
            in_node(node("If", {"c"}, {"z" + std::to_string(i)}, branches));
  }
  return model(graph_input("x", {}) + graph_input("c", {}, 9) + graph);
}

TEST(WireScan, A23_NestedSubgraphs) {
  EXPECT_NO_THROW(read(nested_if(16)));
  EXPECT_ERROR(read(nested_if(17)), ErrorCode::kMalformed, "nested more than 16 deep");
  EXPECT_ERROR(read(nested_if(34)), ErrorCode::kMalformed, "nested more than 100 deep");
  EXPECT_ERROR(read(nested_if(1000)), ErrorCode::kMalformed, "nested more than 100 deep");
}

TEST(WireScan, A24_A25_A26_A27_OtherFormats) {
  const auto expect_kind = [](const std::string& content, const char* kind) {
    EXPECT_ERROR(read(content), ErrorCode::kMalformed, kind);
  };
  expect_kind("\x1f\x8b\x08 and so on", "gzip");
  expect_kind("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS pointer");
  expect_kind(raw<uint64_t>({20}) + "{\"w\":{\"dtype\":\"F32\"}}", "safetensors");
  expect_kind("GGUF\x03", "GGUF");
  expect_kind(std::string("\x1c\0\0\0TFL3\0\0", 10), "TensorFlow Lite");
  expect_kind("\n<!DOCTYPE html><html>not found</html>", "HTML page");
  expect_kind("\xef\xbb\xbfir_version: 8", "ONNX in text form");
  expect_kind("\xef\xbb\xbfnotes", "byte order mark");
  expect_kind("PK\x03\x04....archive/data.pkl", "PyTorch checkpoint");
  expect_kind("PK\x03\x04....x.npy.......", "NumPy archive");
  expect_kind("\x89HDF\r\n\x1a\n", "HDF5");
  expect_kind("{\"graph\": {}}", "JSON text");
}

}  // namespace
}  // namespace precis::onnx_io
