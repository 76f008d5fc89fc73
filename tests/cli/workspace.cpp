// Models byte by byte (tests/malformed/op_bytes.h), arrays through npy_header.
#include "tests/cli/workspace.h"

#include <fmt/format.h>

#include <filesystem>

#include "precis/core/rng.h"
#include "tests/malformed/op_bytes.h"
#include "tests/support/files.h"
#include "tests/support/process.h"

namespace precis::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFashion = "/usr/share/datasets/fashion-mnist";

std::vector<float> random_floats(size_t count, uint64_t stream, float scale) {
  Rng rng(7, stream);
  std::vector<float> v(count);
  for (float& x : v) x = rng.uniform(-scale, scale);
  return v;
}

std::string matrix(const std::string& name, int64_t rows, int64_t columns, uint64_t stream) {
  return initializer(tensor_name(name) + dims({rows, columns}) + data_type(kFloatType) +
                     raw_data(raw(random_floats(static_cast<size_t>(rows * columns), stream, 0.5f))));
}

std::string named(const std::string& name) { return bytes(3, name); }

// [N,16] -> fc1 -> Relu -> fc2 -> [N,8], 4.6 KiB of weights.
std::string mlp() {
  const std::string batch = bytes(1, bytes(2, "N")), row = bytes(1, number(1, 16));
  const std::string input =
      bytes(11, bytes(1, "x") + bytes(2, bytes(1, number(1, 1) + bytes(2, batch + row))));
  const std::string out = bytes(12, bytes(1, "y"));
  return model(input + out + matrix("w1", 16, 48, 1) + matrix("w2", 48, 8, 2) +
               in_node(node("MatMul", {"x", "w1"}, {"h"}, named("fc1"))) +
               in_node(node("Relu", {"h"}, {"r"}, named("relu"))) +
               in_node(node("MatMul", {"r", "w2"}, {"y"}, named("fc2"))));
}

// x -> Identity -> Conv -> BatchNormalization -> y, and a Relu that nobody reads.
std::string foldable() {
  std::string graph = graph_input("x", {1, 2, 4, 4});
  graph += declare(floats("w", {2, 2, 1, 1}, {1, 2, 3, 4}));
  for (const char* parameter : {"scale", "shift", "mean", "variance"})
    graph += declare(floats(parameter, {2}, {0.5f, 2}));
  return model(graph + in_node(node("Identity", {"x"}, {"i"}, named("same"))) +
               in_node(node("Conv", {"i", "w"}, {"c"}, named("conv"))) +
               in_node(node("Relu", {"c"}, {"r"}, named("unread"))) +
               in_node(node("BatchNormalization", {"c", "scale", "shift", "mean", "variance"}, {"y"},
                            named("norm"))) +
               bytes(12, bytes(1, "y")));
}

std::string broken() {
  return model(graph_input("x", {2, 3}) + graph_output("y", {2, 3}) +
               in_node(node("Rellu", {"x"}, {"a"}, named("first"))) +
               in_node(node("Softmax", {"x"}, {"b"}, named("second") + int_attribute("axis", 5))) +
               in_node(node("Add", {"a", "nothing"}, {"y"}, named("third"))));
}

std::string many_problems() {
  return model(graph_input("x", {2, 3}) + graph_input("z", {4, 5}) + bytes(12, bytes(1, "y")) +
               in_node(node("Rellu", {"x"}, {"a"}, named("first"))) +
               in_node(node("Softmax", {"x"}, {"b"}, named("second") + int_attribute("axis", 5))) +
               in_node(node("MatMul", {"x", "z"}, {"y"}, named("third"))));
}

// A loop that its condition never ends.
std::string endless() {
  const std::string body = graph_input("i", {}, kI64Type) + graph_input("go", {}, kBoolType) +
                           graph_input("v", {1}) + graph_output("go", {}, kBoolType) +
                           graph_output("w", {1}) + in_node(node("Neg", {"v"}, {"w"}));
  return op_model("Loop", {{"", {}}, {"", {}}, {"x", {1}}}, graph_attribute("body", body));
}

std::string npy(const std::string& shape, const std::vector<float>& values) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 11, ' ');
  header += '\n';
  const auto size = static_cast<uint16_t>(header.size());
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(size & 0xff) + static_cast<char>(size >> 8) +
         header + raw(values);
}

std::string labels(int count) {
  std::string text = "row,label\n";
  for (int i = 0; i < count; ++i) text += fmt::format("{},{}\n", i, i % 8);
  return text;
}

}  // namespace

bool has_fashion_mnist() { return fs::exists(std::string(kFashion) + "/t10k-images-idx3-ubyte.gz"); }

std::string program() { return PRECIS_PROGRAM; }

void fill_workspace(const TempDir& dir) {
  const std::string example = std::string(PRECIS_SOURCE_DIR) + "/examples/fashion_mnist/fashion_cnn.";
  spit(dir / "net.onnx", slurp(example + "onnx"));
  spit(dir / "net.preprocess.yaml", slurp(example + "preprocess.yaml"));
  if (has_fashion_mnist()) fs::create_symlink(kFashion, dir / "fashion");
  spit(dir / "broken.onnx", broken());
  spit(dir / "many.onnx", many_problems());
  spit(dir / "decoder.onnx", op_model("ImageDecoder", {{"x", {16}}}));
  spit(dir / "tiny.onnx", op_model("MatMul", {{"x", {1, 2}}, floats("w", {2, 2}, {1, 2, 3, 4})}));
  spit(dir / "endless.onnx", endless());
  spit(dir / "mlp.onnx", mlp());
  spit(dir / "foldable.onnx", foldable());
  spit(dir / "rows.npy", npy("(64, 16)", random_floats(64 * 16, 3, 1.0f)));
  spit(dir / "few.npy", npy("(4, 16)", random_floats(4 * 16, 4, 1.0f)));
  spit(dir / "labels.csv", labels(64));
}

ProcessResult shell(const TempDir& dir, const std::string& command, double timeout_seconds) {
  ProcessOptions options;
  options.folder = dir.path();
  options.timeout_seconds = timeout_seconds;
  options.environment = {"PATH=" + fs::path(program()).parent_path().string() + ":/usr/bin:/bin", "LC_ALL=C"};
  return run_process({"sh", "-c", command}, options);
}

}  // namespace precis::test
