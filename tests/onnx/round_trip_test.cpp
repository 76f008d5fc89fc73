// Whole files: read, write, read again, and the graphs are equal. On the files in the source tree, on ONNX's
// own test models where Debian's libonnx-testdata is installed, and on the real models where they are there.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "precis/graph/text.h"
#include "precis/onnx/onnx_io.h"
#include "tests/support/files.h"

namespace precis::onnx_io {
namespace {

namespace fs = std::filesystem;

// The graph as text without what a file does not keep: types that inference finds again and the order of
// constants.
std::vector<std::string> essence(Graph g) {
  for (size_t i = 0; i < g.num_values(); ++i) {
    Value& v = g.value(ValueId{static_cast<int32_t>(i)});
    if (v.constant || v.input) continue;
    v.type.shape.reset();
    if (!v.type.encoded()) v.type.dtype = DType::kUndefined;
  }
  std::istringstream text(print_graph(g));
  std::vector<std::string> nodes, constants;
  for (std::string line; std::getline(text, line);) {
    const bool constant =
        line.find(" = ") != std::string::npos && line.find(" = constant(") != std::string::npos;
    (constant || line.find("] = ") != std::string::npos ? constants : nodes).push_back(line);
  }
  std::sort(constants.begin(), constants.end());
  nodes.insert(nodes.end(), constants.begin(), constants.end());
  return nodes;
}

// The first line that differs, from both sides; "" when none does.
std::string difference(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const std::string left = i < a.size() ? a[i] : "(end)", right = i < b.size() ? b[i] : "(end)";
    if (left != right) return left + "\n" + right;
  }
  return "";
}

std::vector<std::string> models_in(const std::string& folder) {
  std::vector<std::string> paths;
  if (!fs::exists(folder)) return paths;
  for (const auto& e : fs::recursive_directory_iterator(folder))
    if (e.path().extension() == ".onnx") paths.push_back(e.path().string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

// In the newest opset nothing but Q/DQ nodes is rewritten, so the graphs are equal; in the lowest one a
// second writing gives the same bytes.
void expect_round_trip(const std::string& path, const Model& model) {
  WriteOptions newest;
  newest.opset = kCanonicalOpset;
  const Model again = read_model_bytes(serialize_model(model, newest)).model;
  EXPECT_EQ(difference(essence(model.graph), essence(again.graph)), "") << path;
  const std::vector<std::byte> lowest = serialize_model(model);
  EXPECT_TRUE(serialize_model(read_model_bytes(lowest).model) == lowest) << path;
  EXPECT_EQ(serialized_size(model), lowest.size());
}

TEST(RoundTrip, ModelsQuantizedByOnnxRuntime) {
  const auto paths = models_in(PRECIS_SOURCE_DIR "/tests/data/ort_quantized");
  ASSERT_GE(paths.size(), 30u);
  for (const std::string& path : paths) {
    const ReadResult r = read_model(path);
    expect_round_trip(path, r.model);
    for (NodeId id : r.model.graph.order()) {  // all of their Q/DQ pairs and integer operators are folded
      const Node& n = r.model.graph.node(id);
      EXPECT_TRUE(n.domain.empty() || n.domain == "precis") << path << ": " << n.op;
      EXPECT_FALSE(n.is("QuantizeLinear") || n.is("DequantizeLinear") || n.op.rfind("QLinear", 0) == 0)
          << path << ": " << n.name;
    }
  }
}

TEST(RoundTrip, NarrowTypes) {
  Model model;
  model.graph = parse_graph(R"(
graph g(x: f32[2,6]) -> (a, b, c, d) {
  s: f8e8m0[2,2] = [1, 2, 4, 0.5]
  q = QuantizeLinear(x, s) {axis=1, block_size=3, output_dtype=f4e2m1, precision=f32}
  a = DequantizeLinear(q, s) {axis=1, block_size=3, output_dtype=f32}
  b = Cast(x) {to=f8e5m2, saturate=0}
  w: i2[5] = [1, -2, 0, -1, 1]
  c = Identity(w)
  v: f8e4m3fn[3] = [0.5, -448, 3]
  d = Cast(v) {to=f32}
})");
  expect_round_trip("narrow types", model);
  WriteOptions old;
  old.opset = 18;
  EXPECT_THROW(serialize_model(model, old), Error);
}

TEST(RoundTrip, IntegerOperatorFormat) {
  for (const std::string& path : models_in(PRECIS_SOURCE_DIR "/tests/data/ort_quantized")) {
    const Model model = read_model(path).model;
    WriteOptions options;
    options.format = QuantFormat::kQOperator;
    const Model again = read_model_bytes(serialize_model(model, options)).model;
    EXPECT_EQ(essence(again.graph).size(), essence(model.graph).size()) << path;
    const std::vector<std::byte> bytes = serialize_model(again, options);
    EXPECT_TRUE(serialize_model(read_model_bytes(bytes).model, options) == bytes) << path;
  }
}

TEST(RoundTrip, RealModels) {
  const std::string folder = test::shared_data("models");
  if (folder.empty()) GTEST_SKIP() << "no real models";
  for (const std::string& path : models_in(folder)) expect_round_trip(path, read_model(path).model);
}

TEST(RoundTrip, OnnxTestModels) {
  const auto paths = models_in("/usr/share/libonnx-testdata/data");
  if (paths.empty()) GTEST_SKIP() << "package libonnx-testdata is not installed";
  int read = 0, unsupported = 0;
  for (const std::string& path : paths) {
    try {
      const Model model = read_model(path).model;
      ++read;
      expect_round_trip(path, model);
    } catch (const Error& e) {  // strings and the Scan of opset 8
      EXPECT_EQ(e.code(), ErrorCode::kUnsupported) << e.what();
      ++unsupported;
    }
  }
  RecordProperty("read", read);
  RecordProperty("unsupported", unsupported);
  EXPECT_GE(read, 1029);
  EXPECT_LE(unsupported, 18);
}

}  // namespace
}  // namespace precis::onnx_io
