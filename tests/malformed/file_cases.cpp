// A: wrong kinds of files and broken protobuf encodings. (Cuts at every byte and flips of every bit:
// sweep_test.cpp.)
#include <sys/stat.h>

#include <cstring>

#include "tests/malformed/malformed_case.h"
#include "tests/malformed/op_bytes.h"
#include "tests/support/files.h"

namespace precis::test {
namespace {

using namespace std::string_literals;

constexpr ErrorCode kBad = ErrorCode::kMalformed;

std::string relu_model() { return op_model("Relu", {{"x", {2}}}); }

std::string repeated(const std::string& piece, int count) {
  std::string all;
  all.reserve(piece.size() * static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) all += piece;
  return all;
}

// If in If in If ...: `depth` graphs inside the main one, built from the inside out in linear time.
std::string nested_ifs(int depth) {
  std::string inner = graph_output("y", {2}) + in_node(node("Relu", {"x"}, {"y"}));
  for (int i = 0; i < depth; ++i) {
    const std::string name = "y" + std::to_string(i);
    inner =
        graph_output(name, {2}) + in_node(node("If", {"c"}, {name}, graph_attribute("then_branch", inner)));
  }
  return model(graph_input("c", {}, kBoolType) + graph_input("x", {2}) + inner);
}

// Only tags and lengths: 10,000 levels of graphs in nodes in attributes.
std::string very_deep() {
  std::string inner;
  for (int i = 0; i < 10'000; ++i) inner = bytes(1, bytes(5, bytes(6, inner)));
  return number(1, 8) + opset(13) + bytes(7, inner);
}

std::string special_file(const TempDir& dir, mode_t kind) {
  const std::string path = dir / "model.onnx";
  if (kind == S_IFIFO) ::mkfifo(path.c_str(), 0600);
  if (kind == S_IFDIR) ::mkdir(path.c_str(), 0700);
  return path;
}

std::vector<MalformedCase> special_files() {
  return {
      {"A04_directory", kBad, "is a directory", [](const TempDir& d) { return special_file(d, S_IFDIR); }},
      {"A05_fifo", kBad, "is a FIFO", [](const TempDir& d) { return special_file(d, S_IFIFO); }},
      {"A06_dev_zero", kBad, "is a device", [](const TempDir&) { return "/dev/zero"s; }},
      {"A07_missing", ErrorCode::kIo, "does not exist", [](const TempDir& d) { return d / "none.onnx"; }},
  };
}

std::vector<MalformedCase> foreign_formats() {
  const std::string json = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
  return {
      bytes_case("A01_empty", kBad, "is empty (0 bytes)", ""),
      bytes_case("A02_one_byte", kBad, "truncated", "\x08"),
      bytes_case("A03_text", kBad, "is a text file, not a model", "Weights are in the other folder.\n"),
      bytes_case("A24_gzip", kBad, "gzip", "\x1f\x8b\x08\0\0\0\0\0\0\3"s + relu_model()),
      bytes_case("A24b_zstd", kBad, "zstd", "\x28\xb5\x2f\xfd"s + relu_model()),
      bytes_case("A25_lfs_pointer", kBad, "git lfs pull",
                 "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n"),
      bytes_case("A26_safetensors", kBad, "safetensors", raw<uint64_t>({json.size()}) + json + "\0\0\0\0"s),
      bytes_case("A26b_gguf", kBad, "GGUF", "GGUF\x03\0\0\0"s + std::string(64, '\0')),
      bytes_case("A26c_tflite", kBad, "TensorFlow Lite", "\x1c\0\0\0TFL3"s + std::string(64, '\0')),
      bytes_case("A26d_zip", kBad, "zip archive", "PK\x03\x04"s + std::string(64, '\0')),
      bytes_case("A26e_pytorch", kBad, "PyTorch checkpoint",
                 "PK\x03\x04"s + std::string(26, '\0') + "net/data.pkl"),
      bytes_case("A26f_numpy", kBad, "NumPy array", "\x93NUMPY\x01\0v\0"s),
      bytes_case("A27_byte_order_mark", kBad, "byte order mark", "\xef\xbb\xbfmodel: net\n"),
      bytes_case("A27b_html", kBad, "HTML page", "<!DOCTYPE html><html><body>404</body></html>"),
      bytes_case("A27c_json", kBad, "JSON text", "{\"error\": \"not found\"}"),
  };
}

std::vector<MalformedCase> broken_encodings() {
  const std::string endless = tag(1, 0) + std::string(10, '\x80') + '\x01';
  return {
      bytes_case("A10_cut_in_half", kBad, "truncated", relu_model().substr(0, relu_model().size() / 2)),
      bytes_case("A12_long_varint", kBad, "varint of more than 10 bytes", endless),
      bytes_case("A13_huge_length", kBad, "truncated", number(1, 8) + tag(7, 2) + varint(INT64_MAX)),
      bytes_case("A14_beyond_parent", kBad, "its message has 0 left",
                 number(1, 8) + bytes(7, tag(1, 2) + varint(5)) + opset(13)),
      bytes_case("A15_wire_type", kBad, "'ir_version' has wire type 32-bit, expected varint",
                 tag(1, 5) + "\1\2\3\4"),
      bytes_case("A15b_graph_is_number", kBad, "'graph' has wire type varint", number(1, 8) + number(7, 3)),
      bytes_case("A16_unknown_fields", kAccepted, "", relu_model() + repeated(number(99, 1), 100'000)),
      bytes_case("A17_group", kBad, "is a group", tag(99, 3) + number(1, 8)),
      bytes_case("A17b_group_end", kBad, "is a group", tag(99, 4)),
      bytes_case("A17c_wire_type_7", kBad, "unknown wire type 7", tag(99, 7)),
      bytes_case("A18_field_0", kBad, "field number 0 does not exist", number(1, 8) + number(0, 1)),
      bytes_case("A19_two_models", kBad, "two models", relu_model() + relu_model()),
      bytes_case("A22_million_dims", kBad, "rank 1000000, at most 16",
                 model_with(packed(1, std::vector<int64_t>(1'000'000, 1)) + data_type(1))),
      bytes_case("A23_ifs_17_deep", kBad, "nested more than 16 deep", nested_ifs(17)),
      bytes_case("A23b_ifs_34_deep", kBad, "nested more than", nested_ifs(34)),
      bytes_case("A23c_10000_deep", kBad, "nested more than 100 deep", very_deep()),
  };
}

// Small files that a parser would turn into hundreds of megabytes.
std::vector<MalformedCase> amplifiers() {
  constexpr uint64_t kMemory = 200u << 20;
  const std::string head = number(1, 8) + opset(13);
  MalformedCase nodes = bytes_case("A20_empty_nodes", ErrorCode::kLimit, "take more memory than the limit", "");
  nodes.make = [=](const TempDir& d) {
    spit(d / "m.onnx", head + bytes(7, repeated(bytes(1, ""), 2'000'000)));
    return d / "m.onnx";
  };
  MalformedCase attributes = nodes;
  attributes.id = "A21_empty_attributes";
  attributes.make = [=](const TempDir& d) {
    spit(d / "m.onnx", head + bytes(7, bytes(1, repeated(bytes(5, ""), 2'000'000))));
    return d / "m.onnx";
  };
  nodes.max_memory = attributes.max_memory = kMemory;
  return {nodes, attributes};
}

}  // namespace

std::vector<MalformedCase> file_cases() {
  std::vector<MalformedCase> all;
  for (const auto& part : {special_files(), foreign_formats(), broken_encodings(), amplifiers()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace precis::test
